"""The HTTP API of other programs: send uploads in, read their results, report and appeal (docs/api.md)."""

from django.contrib.auth.decorators import login_not_required
from django.urls import URLPattern, URLResolver
from ninja import NinjaAPI

from moderation.api import objections, problems, uploads
from moderation.api.description import for_senders
from moderation.api.documentation import DocumentationPage
from moderation.api.parsing import StrictParser, only_known_fields
from moderation.api.tokens import BearerToken

# A page for people, who sign in; everything else needs a token.
FOR_PEOPLE = "openapi-view"

api = NinjaAPI(
    title="Second Look",
    version="1",
    description="Send images in for review and read the results. Every call needs a bearer token.",
    auth=BearerToken(),
    parser=StrictParser(),
    docs=DocumentationPage(),
    docs_decorator=for_senders,
)
api.add_decorator(only_known_fields, mode="operation")
api.add_router("/uploads", uploads.router)
api.add_router("/uploads", objections.router)
problems.install(api)


def urls() -> tuple[list[URLPattern | URLResolver], str, str]:
    """Return the API's patterns. All but the documentation are open to programs that are not signed in."""
    patterns, app_name, namespace = api.urls
    for pattern in patterns:
        if isinstance(pattern, URLPattern) and pattern.name != FOR_PEOPLE:
            login_not_required(pattern.callback)
    return patterns, app_name, namespace
