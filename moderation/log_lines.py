"""The lines of the log. Lines of a request name who sent it and from where."""

import logging
from collections.abc import Callable
from copy import copy
from typing import ClassVar

from django.http import HttpRequest


class LogLine(logging.Formatter):
    """Adds the account and the address to each line of a request: "Forbidden: /runs/ (account ada, from 10.1.2.3)".

    Attributes:
        sender_of: describes who sent a request. The pages set it when they are ready: logging starts before them.
    """

    sender_of: ClassVar[Callable[[HttpRequest], str] | None] = None

    def format(self, record: logging.LogRecord) -> str:
        request = getattr(record, "request", None)
        if isinstance(request, HttpRequest) and LogLine.sender_of is not None:
            record = copy(record)  # other handlers write the same record
            record.msg, record.args = f"{record.getMessage()} ({LogLine.sender_of(request)})", None
        return super().format(record)
