"""Pages for what went wrong before a view could answer."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001
    """The page is older than the sign-in, or there are no cookies; nothing was saved."""
    if request.headers.get("HX-Request") != "true":
        return render(request, "403_csrf.html", status=403)
    messages.warning(request, "This page was older than your sign-in. Nothing was saved; here is a fresh one.")
    return HttpResponse(status=403, headers={"HX-Redirect": "/"})
