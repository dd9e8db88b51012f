"""What Prometheus reads, in its text format, at a cost that does not grow with the record.

The format is three kinds of lines, so it is written here; the tests read it with Prometheus' own parser.
https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Min
from django.utils import timezone

from moderation.models import Certificate, ReviewTask, RollUp, ScreeningRun, Upload
from moderation.reporting.disk import database_bytes
from moderation.reporting.night import QUARANTINED
from moderation.reporting.row_estimate import amount

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PREFIX = "second_look_"
State = ScreeningRun.State


@dataclass(frozen=True)
class Metric:
    """A gauge. ``values`` are by labels; a metric without any value is left out."""

    name: str
    help: str
    values: Sequence[tuple[Mapping[str, str], float]] = ()

    @classmethod
    def of(cls, name: str, help: str, value: float | None) -> "Metric":  # noqa: A002  (as Prometheus calls it)
        return cls(name, help, [] if value is None else [({}, value)])

    def lines(self) -> Iterator[str]:
        name = PREFIX + self.name
        yield f"# HELP {name} {self.help}"
        yield f"# TYPE {name} gauge"
        for labels, value in self.values:
            yield f"{name}{_written(labels)} {value:.17g}"


def exposition() -> str:
    return "".join(f"{line}\n" for metric in metrics() if metric.values for line in metric.lines())


def metrics() -> Iterator[Metric]:
    yield from _waiting()
    yield from _last_run()
    yield from _standing()
    yield from _space()


def _waiting() -> Iterator[Metric]:
    """Up to 50,000 rows are counted, more are estimated (counting.py)."""
    pending = Upload.objects.pending()
    # By upload_pending_age_idx, at both ends.
    oldest = pending.aggregate(oldest=Min("received_at"))["oldest"]
    age = (timezone.now() - oldest).total_seconds() if oldest else 0.0
    yield Metric.of("pending_uploads", "Uploads that wait for the pre-screen.", amount(pending).number)
    yield Metric.of("oldest_pending_age_seconds", "How long the oldest of them has waited; 0 where none does.", age)
    # By upload_status_idx, and by reviewtask_undecided_idx.
    quarantined = amount(Upload.objects.quarantined()).number
    yield Metric.of("quarantined_uploads", "Uploads that could not be read safely and wait for a lead.", quarantined)
    tasks = amount(ReviewTask.objects.undecided()).number
    yield Metric.of("undecided_review_tasks", "Review tasks that wait for a verdict.", tasks)


def _last_run() -> Iterator[Metric]:
    runs = ScreeningRun.objects.order_by("-started_at")  # by screeningrun_started_idx
    running = ScreeningRun.objects.filter(state=State.RUNNING).count()  # of some hundred a year
    yield Metric.of("running_prescreens", "Runs of the pre-screen that are at work.", running)
    ended = runs.filter(state__in=[State.DONE, State.STOPPED]).first()
    yield Metric.of(
        "last_success_timestamp_seconds",
        "When a run last ended as it should, with or without work left.",
        _timestamp(ended.finished_at) if ended else None,
    )
    if (run := runs.first()) is None:
        return
    states = [({"state": state.value}, float(run.state == state)) for state in State]
    yield Metric("last_run_state", "1 for the state of the last run.", states)
    yield Metric.of("last_run_start_timestamp_seconds", "When the last run began.", _timestamp(run.started_at))
    seconds = (run.until - run.started_at).total_seconds()
    yield Metric.of("last_run_duration_seconds", "How long the last run took, or takes so far.", seconds)
    routes = [({"route": route}, float(run.counts.get(route, 0))) for route in ("approve", "review", "reject")]
    yield Metric("last_run_uploads", "Uploads that the last run screened, by route.", routes)
    yield Metric.of("last_run_audits", "Of these, drawn for a random audit.", run.counts.get("audits", 0))
    yield Metric.of("last_run_matched_uploads", "Of these, routed by a hash list.", run.counts.get("matched", 0))
    reasons = [
        ({"reason": key.removeprefix(QUARANTINED)}, float(number))
        for key, number in sorted(run.counts.items())
        if key.startswith(QUARANTINED)
    ]
    yield Metric("last_run_quarantined_uploads", "Uploads that the last run quarantined, by reason.", reasons)
    yield Metric.of("last_run_uploads_left", "Uploads that the last run left when it ended.", run.work_left)


def _standing() -> Iterator[Metric]:
    rolled_up: Any = RollUp.objects.values_list("rolled_up_at", flat=True).first()
    yield Metric.of(
        "ledger_rollup_timestamp_seconds", "When the ledger last counted.", rolled_up and _timestamp(rolled_up)
    )
    # Certificates are few: some a quarter.
    withdrawn = Certificate.objects.filter(withdrawn_at__isnull=False).count()
    yield Metric.of("valid_certificates", "Certificates that hold now.", Certificate.objects.valid().count())
    yield Metric.of("withdrawn_certificates", "Certificates that an alarm ended, ever.", withdrawn)


def _space() -> Iterator[Metric]:
    space = shutil.disk_usage(settings.DATA_DIR)
    yield Metric.of("storage_free_bytes", "Free space where uploads and renditions lie.", space.free)
    yield Metric.of("storage_size_bytes", "Size of that disk.", space.total)
    yield Metric.of("database_size_bytes", "What the database takes.", database_bytes())


def _timestamp(moment: datetime | None) -> float | None:
    return moment and moment.timestamp()  # type: ignore[return-value]  # None stays None


def _written(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}" if labels else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
