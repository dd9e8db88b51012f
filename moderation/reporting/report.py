"""The report of one night: its runs, the current state, and the points that need attention."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from moderation.formatting import file_size, fixed_percent, moment
from moderation.models import ScreeningRun
from moderation.reporting.backlog import Backlog
from moderation.reporting.disk import Disk
from moderation.reporting.drift import ScoreDrift, drift_of
from moderation.reporting.ledger_summary import LedgerSummary
from moderation.reporting.looks import LookCounts
from moderation.reporting.night import Night

LONG = timedelta(hours=48)
LITTLE_FREE = 0.1
MANY_UNSEEN = 0.1
State = ScreeningRun.State


@dataclass(frozen=True, kw_only=True)
class NightReport:
    night: Night
    backlog: Backlog
    drift: tuple[ScoreDrift, ...]
    disk: Disk
    ledger: LedgerSummary
    looks: LookCounts
    taken_at: datetime

    @classmethod
    def of(cls, run: int | None = None) -> "NightReport":
        """Build the report of run number `run`, or of the last night.

        Raises:
            NoSuchRun: there is no such run.
        """
        night = Night.of(run)
        return cls(
            night=night,
            backlog=Backlog.of(night),
            drift=tuple(drift_of(night)),
            disk=Disk.now(),
            ledger=LedgerSummary.since(night.started_at),
            looks=LookCounts.lately(),
            taken_at=timezone.now(),
        )

    @property
    def attention(self) -> list[str]:
        """The points that need attention, in sentences; empty after a good night."""
        return list(_attention(self))

    def as_json(self) -> dict[str, Any]:
        return {
            "taken_at": self.taken_at.isoformat(),
            "attention": self.attention,
            **self.night.as_json(),
            "backlog": self.backlog.as_json(),
            "drift": [each.as_json() for each in self.drift],
            "disk": self.disk.as_json(),
            "ledger": self.ledger.as_json(),
            "looks": self.looks.as_json(),
        }


def _attention(report: NightReport) -> Iterator[str]:
    for run in report.night.runs:
        if run.state == State.FAILED:
            yield f"Run {run.pk} failed. Its uploads are still pending. Its standard error output says why."
        if run.state == State.INTERRUPTED:
            yield f"Run {run.pk} was killed. Nothing is lost: a later run screens its uncommitted uploads."
    for certificate in report.ledger.withdrawn:
        yield f"A certificate was withdrawn ({certificate}): {certificate.why_withdrawn}"
    backlog = report.backlog
    if backlog.nights is not None and math.isinf(backlog.nights) and backlog.pending:
        yield (
            "The backlog grows: more uploads arrive than a night's run can screen. Give the run more time, or add a "
            "machine."
        )
    if backlog.oldest and report.taken_at - backlog.oldest > LONG:
        yield f"The oldest pending upload has waited since {moment(backlog.oldest)}."
    if report.ledger.uncounted and not _in_progress(report.night):
        yield "The ledger has not counted all screenings, so estimates lag behind. Run 'manage.py rollup'."
    if report.looks.unseen_share > MANY_UNSEEN:
        yield (
            f"{fixed_percent(report.looks.unseen_share)} of the verdicts of the last 24 hours were given without "
            "revealing the image. Ask the reviewers why, or let the policy require a look."
        )
    if report.disk.free < LITTLE_FREE * report.disk.total:
        yield (
            f"Only {file_size(report.disk.free)} of {file_size(report.disk.total)} of the disk are free. A full disk "
            "refuses uploads and stops the pre-screen. Free some space, or move DATA_DIR to a larger disk."
        )


def _in_progress(night: Night) -> bool:
    return any(run.state == State.RUNNING for run in night.runs)
