"""Signing in: accounts are made by admins, never by visitors."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
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
