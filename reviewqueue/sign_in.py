"""Signing in: no sign-up, as admins make accounts, and the page that people land on."""

from contextlib import suppress
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter, get_adapter
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from moderation.models import User
from reviewqueue.landing import landing_url
from reviewqueue.navigation import allowed_pages


class ClosedSignupAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Return the page that the person lands on, where they asked for none; the start tells who may open none."""
        assert isinstance(request.user, User)
        return landing_url(request.user) if allowed_pages(request.user) else "/"


def username_tried(request: HttpRequest, credentials: dict[str, Any] | None = None) -> str:
    """Return the name that a sign-in was tried with, by which django-axes counts failures.

    The form calls it "login" and Django's credentials "username"; by default, axes counts under one and checks the
    other. Case and spaces do not make another account, so they do not start another count.
    """
    given = credentials or {}
    name = given.get("username") or given.get("login") or request.POST.get("login", "")
    return str(name).strip().lower()


def client_address(request: HttpRequest) -> str | None:
    """Return the address of a sign-in, the same for django-axes and for allauth; None where it is unknown.

    Behind proxies it is the address that the outermost trusted one saw, never one that the client claims.
    """
    with suppress(PermissionDenied):
        return str(get_adapter(request).get_client_ip(request))
    return None
