"""What waits for the pre-screen, since when, and how long it will take: from what runs noted, not from the uploads."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Min
from django.utils import timezone

from moderation.models import ScreeningRun, Upload
from moderation.reporting.night import Night
from moderation.reporting.row_estimate import Amount, amount

LOOKED_BACK = timedelta(days=7)
# Less says nothing about a day.
AT_LEAST = timedelta(hours=12)


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """What waits now.

    Attributes:
        arriving: uploads a day over the last week; None where it is not known yet.
        per_second: how fast the last night went; None where it screened nothing.
        window: seconds that a night's run may take (``--max-seconds``); None: until it is done.
    """

    pending: Amount
    oldest: datetime | None
    arriving: float | None
    per_second: float | None
    window: float | None

    @classmethod
    def of(cls, night: Night | None) -> "Backlog":
        pending = Upload.objects.pending()
        waiting = amount(pending)  # by upload_pending_file_idx or upload_pending_age_idx
        return cls(
            pending=waiting,
            oldest=pending.aggregate(oldest=Min("received_at"))["oldest"],  # by upload_pending_age_idx
            arriving=arriving(waiting),
            per_second=(night.per_second or None) if night else None,
            window=_window(night) if night else None,
        )

    @property
    def seconds(self) -> float | None:
        """How long the backlog takes without a pause."""
        return self.pending.number / self.per_second if self.per_second else None

    @property
    def nights(self) -> float | None:
        """How many nights it takes where each has a window: infinity where more comes in than a night can do."""
        if self.window is None or self.per_second is None:
            return None
        gained = self.window * self.per_second - (self.arriving or 0)
        return math.ceil(self.pending.number / gained) if gained > 0 else math.inf

    def as_json(self) -> dict[str, Any]:
        return {
            "pending": self.pending.number,
            "pending_is_exact": self.pending.exact,
            "oldest": self.oldest and self.oldest.isoformat(),
            "arriving_per_day": None if self.arriving is None else round(self.arriving, 1),
            "seconds": None if self.seconds is None else round(self.seconds),
            "nights": None if self.nights is None or math.isinf(self.nights) else self.nights,
            "grows": self.nights is not None and math.isinf(self.nights),
        }


def arriving(waiting: Amount) -> float | None:
    """Uploads a day since the first run of the last week ended: what was screened since, and what more waits now."""
    since = timezone.now() - LOOKED_BACK
    # By screeningrun_started_idx; a week of runs.
    runs = [run for run in ScreeningRun.objects.filter(started_at__gte=since).order_by("started_at") if run.screens]
    first = next((run for run in runs if run.sees_all and run.work_left is not None), None)
    if first is None or first.work_left is None or timezone.now() - first.until < AT_LEAST:
        return None
    later = sum(int(run.counts.get("uploads", 0)) for run in runs if run.until > first.until)
    days: float = (timezone.now() - first.until) / timedelta(days=1)
    return max(0, later + waiting.number - first.work_left) / days


def _window(night: Night) -> float | None:
    asked: float | None = night.runs[-1].options.get("max_seconds")
    return asked
