"""What every view that answers with a page or with its partial needs."""

from django.views.decorators.vary import vary_on_headers

varies_by_htmx = vary_on_headers("HX-Request")
