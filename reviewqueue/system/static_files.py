"""Pages before 'manage.py collectstatic' has run."""

from collections.abc import Callable

from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse

from moderation.static_files import are_collected
from reviewqueue.system.errors import plain_page

# Their answers need no template.
WITHOUT_PAGES = ("/healthz", "/readyz", "/metrics", "/api/")


class CollectedStaticFilesMiddleware:
    """Answer each page with a plain one until the static files are collected. Otherwise it costs nothing."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if are_collected():
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(WITHOUT_PAGES):
            return self.get_response(request)
        return plain_page(
            "The pages are not ready: their styles and scripts have not been collected. Nothing was saved. Ask an "
            "operator to run 'manage.py collectstatic' and to restart the server.",
            status=503,
        )
