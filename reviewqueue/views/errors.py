"""Pages for what went wrong before a view could answer."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The session ended or the form is too old: sign in again; nothing was saved."""
    return render(request, "403_csrf.html", {"reason": reason}, status=403)
