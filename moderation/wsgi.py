"""The WSGI application that gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "moderation.settings")
# Threads of a web server share a pool of connections; commands hold one each.
os.environ.setdefault("DATABASE_POOL_SIZE", "8")

application = get_wsgi_application()
