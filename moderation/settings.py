"""Every setting, from environment variables; README.md has the table. Only the first secret key is written here."""

from datetime import timedelta
from pathlib import Path
from zoneinfo import available_timezones

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from localpg import SERVING, Cluster
from moderation import env

BASE_DIR = Path(__file__).resolve().parent.parent
# The product writes only below this folder.
DATA_DIR = env.folder("DATA_DIR", default=BASE_DIR / "var")

DEBUG = env.flag("DEBUG", default=False)
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", default="localhost,127.0.0.1,[::1]")
# From the environment; otherwise the key that the first start makes.
SECRET_KEY = env.text("SECRET_KEY") or env.kept_secret(DATA_DIR / "secret_key")

INSTALLED_APPS = [
    "moderation.apps.ModerationConfig",
    "reviewqueue.apps.ReviewQueueConfig",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    # Lets an index use an operator class on an expression: the search by a part of an external id.
    "django.contrib.postgres",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "pgtrigger",
    "pghistory",
    "procrastinate.contrib.django",
    "allauth",
    "allauth.account",
    "axes",
    "csp",
    "ninja",
]

MIDDLEWARE = [
    "moderation.api.json_refusals.JsonRefusalsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "reviewqueue.system.static_files.CollectedStaticFilesMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "moderation.request_limits.QueryTextMiddleware",
    # Before the first middleware that reads a body.
    "moderation.request_limits.BodyLimitMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "pghistory.middleware.HistoryMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "moderation.urls"
WSGI_APPLICATION = "moderation.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "reviewqueue.navigation.navigation",
            ],
        },
    }
]

# The database: PostgreSQL only. Without DATABASE_URL, the private cluster below DATA_DIR (manage.py pg).
CLUSTER = None if env.text("DATABASE_URL") else Cluster(DATA_DIR)
# Migrations connect as the owner of the tables. With DATABASE_URL alone, one role serves and owns.
DATABASE_OWNER = CLUSTER.connection() if CLUSTER else env.database_url("DATABASE_OWNER_URL")
DATABASE_POOL_SIZE = env.number("DATABASE_POOL_SIZE", default=0, at_most=200)
# Server-side limits in milliseconds, so that no page can hold the database: statement, lock, idle in transaction.
DATABASE_TIMEOUTS = {
    "statement_timeout": env.number("DATABASE_STATEMENT_TIMEOUT_MS", default=15_000),
    "lock_timeout": env.number("DATABASE_LOCK_TIMEOUT_MS", default=5_000),
    "idle_in_transaction_session_timeout": env.number("DATABASE_IDLE_TIMEOUT_MS", default=30_000),
}
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        **(CLUSTER.connection(role=SERVING) if CLUSTER else env.database_url("DATABASE_URL") or {}),
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            **env.database_options("DATABASE_URL"),
            "connect_timeout": 5,
            # Queries here are many and short even on large tables: compiling one takes longer than running it.
            "options": " ".join(f"-c {name}={value}" for name, value in {**DATABASE_TIMEOUTS, "jit": "off"}.items()),
            # A pool serves the web server's threads (wsgi.py asks for it); commands hold one connection.
            **({"pool": {"min_size": 1, "max_size": DATABASE_POOL_SIZE, "timeout": 10}} if DATABASE_POOL_SIZE else {}),
        },
    }
}
# The role that moderation.database_roles gives its rights to, after each migration; "" if one role serves and owns.
DATABASE_SERVING_ROLE = str(DATABASES["default"].get("USER", "")) if DATABASE_OWNER else ""
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# People
AUTH_USER_MODEL = "moderation.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "reviewqueue.sign_in.ClosedSignupAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "/accounts/login/"
# django-axes counts failures in the database, for all processes together.
ACCOUNT_RATE_LIMITS = {"login_failed": False}
AXES_FAILURE_LIMIT = env.number("LOGIN_FAILURE_LIMIT", default=8, at_least=1)
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_USERNAME_FORM_FIELD = "login"
AXES_USERNAME_CALLABLE = "reviewqueue.sign_in.username_tried"
AXES_LOCKOUT_TEMPLATE = "account/locked_out.html"
AXES_HTTP_RESPONSE_CODE = 429
AXES_ENABLE_ACCESS_FAILURE_LOG = False
AXES_VERBOSE = False
# The number of reverse proxies whose report of the client's address is trusted; with 0, the socket's address counts.
ALLAUTH_TRUSTED_PROXY_COUNT = env.number("TRUSTED_PROXIES", default=0, at_most=10)
AXES_CLIENT_IP_CALLABLE = "reviewqueue.sign_in.client_address"

# Safety in transport and in the browser
HTTPS = env.flag("HTTPS", default=False)
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
# Probes of a container platform, and Prometheus within it, speak plain HTTP.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
# Other sites below the same domain, and the lists that browsers are shipped with, are the operator's decision.
HSTS_SCOPE = env.choice("HSTS_SCOPE", default="host", accepted=("host", "subdomains", "preload"))
SECURE_HSTS_INCLUDE_SUBDOMAINS, SECURE_HSTS_PRELOAD = HSTS_SCOPE != "host", HSTS_SCOPE == "preload"
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]  # they ask for both
if HTTPS and env.flag("BEHIND_TLS_PROXY", default=True):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")
CSRF_FAILURE_VIEW = "reviewqueue.system.errors.csrf_failure"
SESSION_COOKIE_AGE = env.number("SESSION_HOURS", default=12, at_least=1) * 3600
SESSION_COOKIE_SAMESITE = "Lax"
# Browsers take cookies with this prefix only over HTTPS, from this host and for all of its paths.
COOKIE_PREFIX = "__Host-" if HTTPS else ""
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}sessionid", f"{COOKIE_PREFIX}csrftoken"
# Notices stay on the server: a cookie is kept by the browser, and can be read there and on its way.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }
}

# Language, time
LANGUAGE_CODE = "en-gb"
TIME_ZONE = env.text("TIME_ZONE", default="UTC")
if TIME_ZONE not in available_timezones():
    raise ImproperlyConfigured(f"TIME_ZONE={TIME_ZONE!r}: write a name such as 'Europe/Berlin' or 'UTC'.")
USE_I18N = True
# Dates of the back office are written as moderation.formatting writes them.
FORMAT_MODULE_PATH = ["moderation.formats"]
USE_TZ = True

# Static files
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# The location of renditions in nginx (X-Accel-Redirect), such as /renditions/; empty: the application sends them.
RENDITIONS_ACCEL_PREFIX = env.text("RENDITIONS_ACCEL_PREFIX")

# Limits of uploads
UPLOAD_MAX_BYTES = env.number("UPLOAD_MAX_BYTES", default=25_000_000, at_least=1_000)
UPLOAD_MAX_PIXELS = env.number("UPLOAD_MAX_PIXELS", default=50_000_000, at_least=10_000)
DECODE_ADDRESS_SPACE = env.number("DECODE_ADDRESS_SPACE", default=1_500_000_000, at_least=300_000_000)
DECODE_SECONDS = env.number("DECODE_SECONDS", default=10, at_least=1, at_most=600)
# The processor that computes scores. Whether the installed onnxruntime supports it is checked on first use.
EXECUTION_PROVIDER = env.choice("EXECUTION_PROVIDER", default="cpu", accepted=("cpu", "cuda", "openvino", "coreml"))
# The longest request body, except for pages and calls that accept images (moderation/request_limits.py).
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000
# One image stays in memory. Several at once are written to a folder that only the product can read.
FILE_UPLOAD_MAX_MEMORY_SIZE = UPLOAD_MAX_BYTES + 65_536
FILE_UPLOAD_TEMP_DIR = DATA_DIR / "incoming"

# Review
CLAIM_SECONDS = env.number("CLAIM_SECONDS", default=600, at_least=30)
GRACE_SECONDS = env.number("GRACE_SECONDS", default=10)
# How many reports a person, and how many reports and appeals a program's token, may raise in 24 hours.
REPORTS_PER_DAY = env.number("REPORTS_PER_DAY", default=20)
TOKEN_OBJECTIONS_PER_DAY = env.number("TOKEN_OBJECTIONS_PER_DAY", default=1_000)
PRESCREEN_SCHEDULE = env.schedule("PRESCREEN_SCHEDULE", default="0 2 * * *")

# Reports are sent by e-mail only if REPORT_TO has an address. It receives the reports of scheduled runs.
MAIL = env.mail_server("EMAIL_URL")
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if MAIL.host else 'dummy'}.EmailBackend"
EMAIL_HOST, EMAIL_PORT = MAIL.host, MAIL.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = MAIL.user, MAIL.password
EMAIL_USE_TLS, EMAIL_USE_SSL = MAIL.tls == "starttls", MAIL.tls == "always"
EMAIL_TIMEOUT = 30
DEFAULT_FROM_EMAIL = env.address("EMAIL_FROM", default="second-look@localhost.localdomain")
REPORT_TO = env.addresses("REPORT_TO")
if REPORT_TO and not MAIL.host:
    raise ImproperlyConfigured("REPORT_TO is set, but EMAIL_URL is not: write 'smtp://USER:PASSWORD@HOST:587' there.")

# A bearer token for /metrics. Tokens of 'manage.py token issue NAME --metrics' are accepted as well.
METRICS_TOKEN = env.long_secret("METRICS_TOKEN")

LOG_LEVEL = env.choice("LOG_LEVEL", default="INFO", accepted=("debug", "info", "warning", "error", "critical"))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {
            "()": "moderation.log_lines.LogLine",
            "fmt": "{asctime} {levelname} {name}: {message}",
            "style": "{",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL.upper()},
    # At INFO, procrastinate logs every minute's tick and axes several lines for each sign-in.
    "loggers": {"procrastinate": {"level": "WARNING"}, "axes": {"level": "WARNING"}},
}
