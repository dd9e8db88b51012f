"""Pages for errors that occur before a view can answer."""

import sys

from django.contrib import messages
from django.core.exceptions import TooManyFilesSent
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html
from django.views import defaults

from moderation.api.json_refusals import is_for_programs
from moderation.api.problems import is_passing, without_database
from reviewqueue.send.views import refuse_too_many_files

PLAIN_PAGE = '<!doctype html><html lang="en-GB"><title>Second Look</title><p>{}</p></html>\n'


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001
    """Answer a form that is older than the sign-in, or comes without cookies. Nothing is saved."""
    if request.headers.get("HX-Request") != "true":
        return render(request, "403_csrf.html", status=403)
    messages.warning(
        request, "This page was older than your sign-in. Nothing was saved. Here is a fresh page; please try again."
    )
    return HttpResponse(status=403, headers={"HX-Redirect": "/"})


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Answer a request that cannot be read. Too many files on the page for sending is an error of its form."""
    if isinstance(exception, TooManyFilesSent) and request.path == reverse("send"):
        return refuse_too_many_files(request)
    return defaults.bad_request(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer a request that failed; plainly where the error page itself would fail, as it names static files too.

    Programs get JSON; a page for them is replaced by JsonRefusalsMiddleware.
    """
    if is_for_programs(request) and is_passing(sys.exception()):
        return without_database()
    try:
        return defaults.server_error(request)
    except ValueError:  # the storage of static files knows no collected file of a name
        return plain_page(
            "Something failed on the server. Each change is saved completely or not at all. Try again in a moment, or "
            "tell an operator: the server's log has the cause.",
            status=500,
        )


def plain_page(text: str, *, status: int) -> HttpResponse:
    """Return a page that needs no template and no file."""
    return HttpResponse(format_html(PLAIN_PAGE, text), status=status)
