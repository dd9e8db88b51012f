"""The metrics that Prometheus reads at /metrics, at a cost that does not grow with the record."""

import shutil
from collections.abc import Iterator, Mapping
from datetime import datetime

from django.conf import settings
from django.db.models import Min
from django.utils import timezone
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector

from moderation.models import Certificate, ReviewTask, RollUp, ScreeningRun, Upload
from moderation.reporting.disk import database_bytes
from moderation.reporting.night import QUARANTINED
from moderation.reporting.row_estimate import estimated_count

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PREFIX = "second_look_"
State = ScreeningRun.State


def exposition() -> bytes:
    """Return all metrics in Prometheus' text format."""
    # A registry of its own: the default one adds figures of this web process.
    registry = CollectorRegistry()
    registry.register(RecordCollector())
    return generate_latest(registry)


class RecordCollector(Collector):
    """Reads every metric from the database and the disk when Prometheus asks."""

    def describe(self) -> list[GaugeMetricFamily]:
        """Return nothing, so that registering reads no metric."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield from _waiting()
        yield from _runs()
        yield from _ledger()
        yield from _space()


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(PREFIX + name, text, value=value)


def _gauges(name: str, text: str, *, label: str, values: Mapping[str, float]) -> Iterator[GaugeMetricFamily]:
    """Yield one metric with a value for each value of `label`; nothing if there is none."""
    family = GaugeMetricFamily(PREFIX + name, text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    if family.samples:
        yield family


def _timestamp(name: str, text: str, moment: datetime | None) -> Iterator[GaugeMetricFamily]:
    """Yield a time in seconds since 1970; nothing if there is none."""
    if moment:
        yield _gauge(name, text, moment.timestamp())


def _waiting() -> Iterator[GaugeMetricFamily]:
    """Yield the sizes of queues. They are exact up to 50,000 rows and estimated beyond (row_estimate)."""
    pending = Upload.objects.pending()
    # Uses upload_pending_age_idx, at both ends.
    oldest = pending.aggregate(oldest=Min("received_at"))["oldest"]
    age = (timezone.now() - oldest).total_seconds() if oldest else 0.0
    yield _gauge("pending_uploads", "Uploads waiting for the pre-screen.", estimated_count(pending).number)
    yield _gauge("oldest_pending_age_seconds", "Age of the oldest pending upload; 0 if none is pending.", age)
    # Uses upload_status_idx, then reviewtask_undecided_idx.
    quarantined = estimated_count(Upload.objects.quarantined()).number
    yield _gauge("quarantined_uploads", "Uploads in quarantine, waiting for a lead.", quarantined)
    tasks = estimated_count(ReviewTask.objects.undecided().exclude(kind="gold")).number
    yield _gauge("undecided_review_tasks", "Review tasks waiting for a verdict.", tasks)


def _runs() -> Iterator[GaugeMetricFamily]:
    runs = ScreeningRun.objects.order_by("-started_at")  # uses screeningrun_started_idx
    running = ScreeningRun.objects.filter(state=State.RUNNING).count()  # a table of some hundred rows a year
    yield _gauge("running_prescreens", "Runs of the pre-screen in progress.", running)
    ended = runs.filter(state__in=[State.DONE, State.STOPPED]).first()
    yield from _timestamp(
        "last_success_timestamp_seconds",
        "End of the last run that ended normally, with or without work left.",
        ended.finished_at if ended else None,
    )
    if run := runs.first():
        yield from _last_run(run)


def _last_run(run: ScreeningRun) -> Iterator[GaugeMetricFamily]:
    states = {state.value: float(run.state == state) for state in State}
    yield from _gauges("last_run_state", "1 for the state of the last run, 0 for others.", label="state", values=states)
    yield from _timestamp("last_run_start_timestamp_seconds", "Start of the last run.", run.started_at)
    seconds = (run.until - run.started_at).total_seconds()
    yield _gauge("last_run_duration_seconds", "Duration of the last run, so far if it is in progress.", seconds)
    routes = {route: run.counts.get(route, 0) for route in ("approve", "review", "reject")}
    yield from _gauges("last_run_uploads", "Uploads screened by the last run, by route.", label="route", values=routes)
    audits = run.counts.get("audits", 0)
    yield _gauge("last_run_audits", "Uploads of the last run that were drawn for an audit.", audits)
    matched = run.counts.get("matched", 0)
    yield _gauge("last_run_matched_uploads", "Uploads of the last run that a hash list routed.", matched)
    reasons = {
        key.removeprefix(QUARANTINED): number
        for key, number in sorted(run.counts.items())
        if key.startswith(QUARANTINED)
    }
    yield from _gauges(
        "last_run_quarantined_uploads",
        "Uploads quarantined by the last run, by reason.",
        label="reason",
        values=reasons,
    )
    if run.work_left is not None:
        yield _gauge("last_run_uploads_left", "Uploads still pending when the last run ended.", run.work_left)


def _ledger() -> Iterator[GaugeMetricFamily]:
    rolled_up = RollUp.objects.values_list("rolled_up_at", flat=True).first()
    yield from _timestamp("ledger_rollup_timestamp_seconds", "Last update of the ledger.", rolled_up)
    # Certificates are few: some a quarter.
    withdrawn = Certificate.objects.filter(withdrawn_at__isnull=False).count()
    yield _gauge("valid_certificates", "Certificates that are valid now.", Certificate.objects.valid().count())
    yield _gauge("withdrawn_certificates", "Certificates withdrawn by an alarm since the beginning.", withdrawn)


def _space() -> Iterator[GaugeMetricFamily]:
    space = shutil.disk_usage(settings.DATA_DIR)
    yield _gauge("storage_free_bytes", "Free space on the disk of uploads and renditions.", space.free)
    yield _gauge("storage_size_bytes", "Size of the disk of uploads and renditions.", space.total)
    yield _gauge("database_size_bytes", "Size of the database.", database_bytes())
