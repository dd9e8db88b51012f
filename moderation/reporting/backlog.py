"""The backlog of the pre-screen and its forecast, computed from what runs recorded instead of from the uploads."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Min
from django.utils import timezone

from moderation.models import ScreeningRun, Upload
from moderation.reporting.night import Night
from moderation.reporting.row_estimate import RowCount, estimated_count

LOOK_BACK = timedelta(days=7)
# A shorter span says nothing about a whole day.
SHORTEST_SPAN = timedelta(hours=12)


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """The uploads that are pending now, and their forecast.

    Attributes:
        arriving: uploads per day over the last week; None if it is not known yet.
        per_second: speed of the last night; None if it screened nothing.
        window: seconds that a night's run may take (`--max-seconds`); None if it runs until it is done.
    """

    pending: RowCount
    oldest: datetime | None
    arriving: float | None
    per_second: float | None
    window: float | None

    @classmethod
    def of(cls, night: Night | None) -> "Backlog":
        pending = Upload.objects.pending()
        waiting = estimated_count(pending)  # uses upload_pending_file_idx or upload_pending_age_idx
        return cls(
            pending=waiting,
            oldest=pending.aggregate(oldest=Min("received_at"))["oldest"],  # uses upload_pending_age_idx
            arriving=arriving(waiting),
            per_second=(night.per_second or None) if night else None,
            window=_window(night) if night else None,
        )

    @property
    def seconds(self) -> float | None:
        """Return how long the backlog takes without a pause."""
        return self.pending.number / self.per_second if self.per_second else None

    @property
    def nights(self) -> float | None:
        """Return the number of nights that the backlog takes; infinity if more arrives than a night can screen."""
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


def arriving(waiting: RowCount) -> float | None:
    """Return uploads per day since the week's first run ended: those screened since, plus the backlog's growth."""
    since = timezone.now() - LOOK_BACK
    # Uses screeningrun_started_idx; a week of runs.
    runs = [run for run in ScreeningRun.objects.filter(started_at__gte=since).order_by("started_at") if run.screens]
    first = next((run for run in runs if run.sees_all and run.work_left is not None), None)
    if first is None or first.work_left is None or timezone.now() - first.until < SHORTEST_SPAN:
        return None
    later = sum(int(run.counts.get("uploads", 0)) for run in runs if run.until > first.until)
    days: float = (timezone.now() - first.until) / timedelta(days=1)
    return max(0, later + waiting.number - first.work_left) / days


def _window(night: Night) -> float | None:
    asked: float | None = night.runs[-1].options.get("max_seconds")
    return asked
