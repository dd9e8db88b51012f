"""The log names who did something and from where: refused and failed requests, sign-ins, and failed sign-ins."""

import logging
from typing import Any

from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.http import HttpRequest

from moderation.log_lines import LogLine
from moderation.models import User
from reviewqueue.sign_in import client_address, username_tried

logger = logging.getLogger(__name__)


def sender_of(request: HttpRequest) -> str:
    """Describe who sent a request, and from where."""
    return f"{account_of(request)}, from {address_of(request)}"


def account_of(request: HttpRequest) -> str:
    """Return who sent a request, as far as the request has found out: the log asks the database nothing."""
    if token := getattr(getattr(request, "auth", None), "name", None):
        return f"token {token}"
    user = getattr(request, "_cached_user", None)
    return f"account {user.get_username()}" if user and user.is_authenticated else "not signed in"


def address_of(request: HttpRequest) -> str:
    return client_address(request) or "an unknown address"


def log_sign_in(request: HttpRequest, user: User, **_: Any) -> None:
    logger.info("Signed in: account %s, from %s", user.get_username(), address_of(request))


def log_failed_sign_in(credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    if request is not None:
        name = username_tried(request, credentials)
        logger.warning("Sign-in failed: account %a, from %s", name, address_of(request))


def connect() -> None:
    """Log sign-ins, and let the lines of requests name their senders."""
    LogLine.sender_of = sender_of
    user_logged_in.connect(log_sign_in, dispatch_uid="log_sign_in")
    user_login_failed.connect(log_failed_sign_in, dispatch_uid="log_failed_sign_in")
