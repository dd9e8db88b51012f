"""Signing in: accounts are made by admins, never by visitors."""

from contextlib import suppress
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter, get_adapter
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest


class ClosedSignupAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False


def username_tried(request: HttpRequest, credentials: dict[str, Any] | None = None) -> str:
    """The name that a sign-in was tried with, for django-axes to count by.

    The form calls it "login" and Django's credentials "username"; left alone, axes counts under one and looks under
    the other. Case and spaces don't make another account, so they don't make another count.
    """
    given = credentials or {}
    name = given.get("username") or given.get("login") or request.POST.get("login", "")
    return str(name).strip().lower()


def client_address(request: HttpRequest) -> str | None:
    """Where a sign-in comes from, the same for django-axes' count and for allauth's; None where nobody says.

    Behind proxies it is what the outermost of the trusted ones saw, never what a client writes in front of that.
    """
    with suppress(PermissionDenied):
        return str(get_adapter(request).get_client_ip(request))
    return None
