"""The log names who did something and from where: refused and failed requests, sign-ins, and failed sign-ins."""

import logging
from copy import copy
from typing import Any

from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.http import HttpRequest

from moderation.models import User
from reviewqueue.sign_in import client_address, username_tried

logger = logging.getLogger(__name__)


class NamesAccount(logging.Formatter):
    """Add the account and the address to each line of a request: "Forbidden: /runs/ (account ada, from 10.1.2.3)"."""

    def __init__(self, plain: logging.Formatter) -> None:
        super().__init__()
        self.plain = plain

    def format(self, record: logging.LogRecord) -> str:
        request = getattr(record, "request", None)
        if isinstance(request, HttpRequest):
            record = copy(record)  # other handlers write the same record
            text = f"{record.getMessage()} ({account_of(request)}, from {address_of(request)})"
            record.msg, record.args = text, None
        return self.plain.format(record)


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
    """Log sign-ins, and let every handler of the log name accounts."""
    for handler in logging.getLogger().handlers:
        handler.setFormatter(NamesAccount(handler.formatter or logging.Formatter()))
    user_logged_in.connect(log_sign_in, dispatch_uid="log_sign_in")
    user_login_failed.connect(log_failed_sign_in, dispatch_uid="log_failed_sign_in")
