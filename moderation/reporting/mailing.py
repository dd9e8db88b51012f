"""Send a report by e-mail."""

from collections.abc import Sequence
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMessage

from moderation.reporting.report import NightReport
from moderation.reporting.text import as_text, subject


class NotSent(Exception):
    """No e-mail was sent. The message says why."""


def send(report: NightReport, *, to: Sequence[str]) -> list[str]:
    """Send `report` to `to`, or to REPORT_TO if that is empty, and return the recipients.

    Raises:
        NotSent: there is no recipient or no mail server, or the server refused the e-mail.
    """
    recipients = list(to) or settings.REPORT_TO
    if not settings.EMAIL_HOST:
        raise NotSent(
            "EMAIL_URL is not set, so there is no mail server. Nothing was sent. Set it to "
            "'smtp://USER:PASSWORD@HOST:587', or leave out --email to print the report."
        )
    if not recipients:
        raise NotSent("There is no recipient. Nothing was sent. Give addresses after --email, or set REPORT_TO.")
    try:
        EmailMessage(subject(report), as_text(report), to=recipients).send()
    except (OSError, SMTPException) as error:
        raise NotSent(
            f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT} did not accept the e-mail ({error}). Nothing was sent. Check "
            "EMAIL_URL, EMAIL_FROM and the addresses, or leave out --email to print the report."
        ) from error
    return recipients
