"""Sending a report as an e-mail."""

from collections.abc import Sequence
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMessage

from moderation.reporting.report import NightReport
from moderation.reporting.text import as_text, subject


class NotSent(Exception):
    """No e-mail went out; the message says why."""


def send(report: NightReport, *, to: Sequence[str]) -> list[str]:
    """Send ``report`` to ``to``, else to REPORT_TO, and return to whom that was.

    Raises:
        NotSent: nobody is named, no server is set up, or it refused.
    """
    recipients = list(to) or settings.REPORT_TO
    if not settings.EMAIL_HOST:
        raise NotSent(
            "EMAIL_URL is not set, so there is no server to send by. Write 'smtp://USER:PASSWORD@HOST:587', or "
            "leave out --email."
        )
    if not recipients:
        raise NotSent("Nobody is named: give addresses after --email, or set REPORT_TO.")
    try:
        EmailMessage(subject(report), as_text(report), to=recipients).send()
    except (OSError, SMTPException) as error:
        raise NotSent(
            f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT} did not take the e-mail ({error}). Look at EMAIL_URL, "
            "EMAIL_FROM and the addresses; the report itself is whole: leave out --email to see it."
        ) from error
    return recipients
