"""Moments as operators type them: a date, a date and time, or how long ago."""

import re
from argparse import ArgumentTypeError
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.dateparse import parse_datetime

UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
ACCEPTED = "write a date (2026-11-01), a date and time (2026-11-01T18:00), or how long ago (90m, 24h, 7d, 2w)"


def moment(text: str) -> datetime:
    """For argparse. What names no zone is in TIME_ZONE.

    Raises:
        ArgumentTypeError: it can't be understood, or lies in the future.
    """
    try:
        found = _ago(text) or parse_datetime(text if "T" in text or " " in text else f"{text}T00:00")
    except (ValueError, OverflowError):  # such as 2026-02-30
        found = None
    if found is None:
        raise ArgumentTypeError(f"{text!r} is no moment: {ACCEPTED}")
    found = found if timezone.is_aware(found) else timezone.make_aware(found)
    if found > timezone.now():
        raise ArgumentTypeError(f"{text!r} lies in the future, where nothing was received yet: {ACCEPTED}")
    return found


def _ago(text: str) -> datetime | None:
    if not (found := re.fullmatch(r"([0-9]{1,6})([mhdw])", text)):
        return None
    return timezone.now() - timedelta(**{UNITS[found[2]]: int(found[1])})
