"""What other programs call: send uploads in, ask what became of them. docs/api.md tells their side."""

from django.contrib.auth.decorators import login_not_required, permission_required
from django.urls import URLPattern, URLResolver
from ninja import NinjaAPI

from moderation.api import objections, problems, uploads
from moderation.api.tokens import BearerToken

# For people who may send uploads in by hand, too; the API itself asks for tokens and for nothing else.
FOR_PEOPLE = {"openapi-json", "openapi-view"}

api = NinjaAPI(
    title="Second Look",
    version="1",
    description="Send images in for review and read what was decided. Every call needs a bearer token.",
    auth=BearerToken(),
    docs_decorator=permission_required("moderation.send_uploads", raise_exception=True),
)
api.add_router("/uploads", uploads.router)
api.add_router("/uploads", objections.router)
problems.install(api)


def urls() -> tuple[list[URLPattern | URLResolver], str, str]:
    """The API's patterns: outside the sign-in rule, but for the documentation."""
    patterns, app_name, namespace = api.urls
    for pattern in patterns:
        if isinstance(pattern, URLPattern) and pattern.name not in FOR_PEOPLE:
            login_not_required(pattern.callback)
    return patterns, app_name, namespace
