"""When the next pre-screen runs, by the operator's cron expression."""

from datetime import datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim
from django.conf import settings
from django.utils import timezone


def next_prescreen(now: datetime | None = None) -> datetime:
    """Return the first time of PRESCREEN_SCHEDULE after ``now``, in TIME_ZONE."""
    local = (now or timezone.now()).astimezone(ZoneInfo(settings.TIME_ZONE))
    following: datetime = next(CronSim(settings.PRESCREEN_SCHEDULE, local))
    return following
