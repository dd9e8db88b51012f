"""Limits on a request, checked before its view runs: the length of its body, and the characters of its query.

A body is judged by its Content-Length before a byte is read.
Sending a long body costs a client little, while reading it fills memory (fields) or the disk (files). The CSRF check
reads the body first, before anybody has to sign in.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

Answer = Callable[[HttpRequest], HttpResponseBase]
View = TypeVar("View", bound=Callable[..., HttpResponseBase])
#: Stands for any longer length; larger than every limit.
ENDLESS = 10**18


class ViewMiddleware:
    """A middleware that acts only in ``process_view``, once the view of a request is known."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)


class QueryTextMiddleware(ViewMiddleware):
    """Refuses a query with a NUL character (400), which PostgreSQL can neither store nor search for.

    Forms refuse it in bodies by themselves, and the API names the field.
    """

    def process_view(
        self,
        request: HttpRequest,
        view: Callable[..., HttpResponseBase],
        args: Any,  # noqa: ARG002
        kwargs: Any,  # noqa: ARG002
    ) -> None:
        if "%00" in request.META.get("QUERY_STRING", "") and not getattr(view, "csrf_exempt", False):
            raise BadRequest("Found a NUL character in the query.")


class BodyLimitMiddleware(ViewMiddleware):
    """Refuses a body that is longer than its view accepts (413), or that has no Content-Length (411).

    Views that are exempt from the CSRF check, which are the API's, check the length themselves.
    """

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
        # A view's own limit may depend on the user, which costs a query: short bodies are accepted without it.
        if length <= usual_limit(request):
            return None
        most = getattr(view, "most_bytes", usual_limit)(request)
        return refusal(request, status=413, most=most) if length > most else None


def takes_bodies(most: Callable[[HttpRequest], int]) -> Callable[[View], View]:
    """Let a view accept bodies of up to ``most(request)`` bytes."""

    def decorate(view: View) -> View:
        view.most_bytes = most  # type: ignore[attr-defined]
        return view

    return decorate


def usual_limit(request: HttpRequest) -> int:  # noqa: ARG001
    """The limit of ordinary forms, in bytes."""
    return settings.DATA_UPLOAD_MAX_MEMORY_SIZE or ENDLESS


def declared_length(request: HttpRequest) -> int | None:
    """Return the Content-Length in bytes, or None if it is missing or not a number."""
    declared = request.headers.get("Content-Length", "")
    if not declared.isascii() or not declared.isdecimal():
        return None
    return int(declared) if len(declared) < len(str(ENDLESS)) else ENDLESS


def media_type(request: HttpRequest) -> str:
    """Return the media type of the body in lower case, without parameters such as the charset."""
    return request.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def brings_body(request: HttpRequest) -> bool:
    return bool(request.headers.get("Content-Length") or request.headers.get("Transfer-Encoding"))


def refusal(request: HttpRequest, *, status: int, most: int = 0) -> HttpResponse:
    return render(request, f"{status}.html", {"most": most}, status=status)
