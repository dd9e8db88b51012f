"""How long the body of a request may be, told by its Content-Length before a byte of it is read.

Reading one is work for whoever sends it at no cost of theirs: fields fill memory, files fill the disk, and the first
that reads is the check against forged forms, long before anybody is asked to sign in.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

Answer = Callable[[HttpRequest], HttpResponseBase]
View = TypeVar("View", bound=Callable[..., HttpResponseBase])
#: More than any limit: a length that nobody needs to work out.
ENDLESS = 10**18


class BodyLimitMiddleware:
    """Refuses a body that is longer than its view takes (413), or that does not say how long it is (411).

    Views that are exempt from the check against forged forms, which are the API's, look for themselves.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self,
        request: HttpRequest,
        view: Callable[..., HttpResponseBase],
        args: Any,  # noqa: ARG002
        kwargs: Any,  # noqa: ARG002
    ) -> HttpResponse | None:
        if getattr(view, "csrf_exempt", False):
            return None
        length = declared_length(request)
        if length is None:
            return refusal(request, status=411) if brings_body(request) else None
        # Whom a view takes long bodies from may cost a query: short ones are not asked about.
        if length <= usual_limit(request):
            return None
        most = getattr(view, "most_bytes", usual_limit)(request)
        return refusal(request, status=413, most=most) if length > most else None


def takes_bodies(most: Callable[[HttpRequest], int]) -> Callable[[View], View]:
    """Let a view have bodies of up to ``most(request)`` bytes."""

    def decorate(view: View) -> View:
        view.most_bytes = most  # type: ignore[attr-defined]
        return view

    return decorate


def usual_limit(request: HttpRequest) -> int:  # noqa: ARG001
    """Forms of people: bytes."""
    return settings.DATA_UPLOAD_MAX_MEMORY_SIZE or ENDLESS


def declared_length(request: HttpRequest) -> int | None:
    """The Content-Length in bytes; None where there is none that can be understood."""
    said = request.headers.get("Content-Length", "")
    if not said.isascii() or not said.isdecimal():
        return None
    return int(said) if len(said) < len(str(ENDLESS)) else ENDLESS


def brings_body(request: HttpRequest) -> bool:
    return bool(request.headers.get("Content-Length") or request.headers.get("Transfer-Encoding"))


def refusal(request: HttpRequest, *, status: int, most: int = 0) -> HttpResponse:
    return render(request, f"{status}.html", {"most": most}, status=status)
