"""One night's report: what was done, how things stand, and what somebody should look at."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from moderation.models import ScreeningRun
from moderation.reporting.backlog import Backlog
from moderation.reporting.disk import Disk
from moderation.reporting.drift import ScoreDrift, drift_of
from moderation.reporting.ledger_summary import LedgerSummary
from moderation.reporting.night import Night

LONG = timedelta(hours=48)
LITTLE_FREE = 0.1
State = ScreeningRun.State


@dataclass(frozen=True, kw_only=True)
class NightReport:
    night: Night
    backlog: Backlog
    drift: tuple[ScoreDrift, ...]
    disk: Disk
    standing: LedgerSummary
    taken_at: datetime

    @classmethod
    def of(cls, run: int | None = None) -> "NightReport":
        """Of run number ``run``, or of the last night.

        Raises:
            NoSuchRun: there is nothing to report on.
        """
        night = Night.of(run)
        return cls(
            night=night,
            backlog=Backlog.of(night),
            drift=tuple(drift_of(night)),
            disk=Disk.now(),
            standing=LedgerSummary.since(night.started_at),
            taken_at=timezone.now(),
        )

    @property
    def attention(self) -> list[str]:
        """What somebody should look at, in sentences; empty after a good night."""
        return list(_attention(self))

    def as_json(self) -> dict[str, Any]:
        return {
            "taken_at": self.taken_at.isoformat(),
            "attention": self.attention,
            **self.night.as_json(),
            "backlog": self.backlog.as_json(),
            "drift": [each.as_json() for each in self.drift],
            "disk": self.disk.as_json(),
            "ledger": self.standing.as_json(),
        }


def _attention(report: NightReport) -> Iterator[str]:
    for run in report.night.runs:
        if run.state == State.FAILED:
            yield f"Run {run.pk} failed; what it wrote on standard error says why. What was pending still is."
        if run.state == State.INTERRUPTED:
            yield f"Run {run.pk} was killed. Nothing is lost: a later run does what it had not committed."
    for certificate in report.standing.withdrawn:
        yield f"A certificate was withdrawn ({certificate}): {certificate.why_withdrawn}"
    backlog = report.backlog
    if backlog.nights is not None and math.isinf(backlog.nights) and backlog.pending:
        yield "The backlog grows: more comes in than a night's run can do. Give it more time, or another machine."
    if backlog.oldest and report.taken_at - backlog.oldest > LONG:
        yield f"The oldest pending upload has waited since {timezone.localtime(backlog.oldest):%d %B %Y, %H:%M}."
    if report.standing.uncounted and not _goes_on(report.night):
        yield "The ledger has not counted all screenings. Run 'manage.py rollup'."
    if report.disk.free < LITTLE_FREE * report.disk.total:
        yield f"Only {report.disk.free / 1e9:,.1f} GB of the disk are free, of {report.disk.total / 1e9:,.0f} GB."


def _goes_on(night: Night) -> bool:
    return any(run.state == State.RUNNING for run in night.runs)
