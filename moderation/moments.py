"""Parse the moments that people and files write."""

from datetime import datetime, time, tzinfo

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime


def parse_moment(text: str, *, zone: tzinfo) -> datetime | None:
    """Parse a date (its midnight) or a date and time; a text without an offset is in `zone`.

    Returns:
        An aware datetime, or None if `text` is neither, such as 2026-02-30.
    """
    try:
        if (found := parse_datetime(text)) is None and (day := parse_date(text)):
            found = datetime.combine(day, time.min)
        return found if found is None or timezone.is_aware(found) else timezone.make_aware(found, zone)
    except (ValueError, OverflowError):
        return None
