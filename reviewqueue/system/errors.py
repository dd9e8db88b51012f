"""Pages for errors that occur before a view can answer."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001
    """Answer a form that is older than the sign-in, or comes without cookies. Nothing is saved."""
    if request.headers.get("HX-Request") != "true":
        return render(request, "403_csrf.html", status=403)
    messages.warning(
        request, "This page was older than your sign-in. Nothing was saved. Here is a fresh page; please try again."
    )
    return HttpResponse(status=403, headers={"HX-Redirect": "/"})
