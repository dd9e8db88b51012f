"""Background jobs, queued in the same PostgreSQL: the nightly pre-screen, its report, and cleaning the queue.

``manage.py worker`` runs them. cron calling ``manage.py prescreen`` works as well: no result depends on these jobs.
"""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from cronsim import CronSim
from django.conf import settings
from django.db import transaction
from procrastinate import JobContext, RetryStrategy, exceptions
from procrastinate.contrib.django import app

STALLED_AFTER_SECONDS = 60
KEEP_JOBS_HOURS = 24 * 28


@app.task(name="prescreen", queueing_lock="prescreen", lock="prescreen", pass_context=True)
def prescreen(context: JobContext) -> None:
    """Run the command as an operator would. When the worker has to stop, the command ends after its chunks."""
    process = subprocess.Popen([sys.executable, "manage.py", "prescreen"], cwd=settings.BASE_DIR)
    while process.poll() is None:
        try:
            process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            if context.should_abort():
                process.terminate()
    if process.returncode not in {0, 75}:
        raise PrescreenFailed(
            f"manage.py prescreen ended with status {process.returncode}. Committed uploads stay. "
            "See its output for the cause."
        )


# The same lock as the pre-screen: the report is made when the pre-screen has ended, also if it failed.
@app.task(name="report", queueing_lock="report", lock="prescreen")
def report() -> None:
    """Send the night's report to REPORT_TO, as an operator would."""
    command = [sys.executable, "manage.py", "prescreen", "report", "--email"]
    if subprocess.run(command, cwd=settings.BASE_DIR, check=False).returncode:
        raise ReportFailed(
            "manage.py prescreen report ended with an error, so no report was sent. See its output for the cause."
        )


class ReportFailed(Exception):
    """The report was not sent. 'manage.py prescreen report' shows it instead."""


class PrescreenFailed(Exception):
    """The command ended with an error. Committed uploads stay."""


def request_prescreen() -> bool:
    """Queue a pre-screen, which runs as soon as a worker is free. Returns False if one is queued already."""
    return _defer_once(prescreen)


def _defer_once(task: Any) -> bool:
    try:
        with transaction.atomic():  # a refusal is a database error, which would break an outer transaction
            task.defer()
    except exceptions.AlreadyEnqueued:
        return False
    return True


# The schedule is in TIME_ZONE, with daylight saving time; the queue's own cron expressions are in UTC.
@app.periodic(cron="* * * * *")
@app.task(name="tick", queueing_lock="tick")
def tick(timestamp: int) -> None:
    """Queue the scheduled pre-screen in its minute, and its report if REPORT_TO is set."""
    if is_scheduled(datetime.fromtimestamp(timestamp, tz=UTC)):
        request_prescreen()
        if settings.REPORT_TO:
            _defer_once(report)


def is_scheduled(minute: datetime) -> bool:
    """Whether PRESCREEN_SCHEDULE names this minute."""
    zone, minute = ZoneInfo(settings.TIME_ZONE), minute.astimezone(UTC).replace(second=0, microsecond=0)
    # Subtracted in UTC: in local time, the hour that the clocks skip has no minute before it.
    following: datetime = next(CronSim(settings.PRESCREEN_SCHEDULE, (minute - timedelta(minutes=1)).astimezone(zone)))
    return following.astimezone(UTC) == minute


@app.periodic(cron="*/2 * * * *")
@app.task(name="retry_stalled", queueing_lock="retry_stalled", retry=RetryStrategy(max_attempts=3, wait=10))
async def retry_stalled(timestamp: int) -> None:  # noqa: ARG001  (passed to every periodic task)
    """Run the jobs of dead workers again."""
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER_SECONDS):
        await app.job_manager.retry_job(job)


@app.periodic(cron="30 3 * * *")
@app.task(name="forget_old_jobs", queueing_lock="forget_old_jobs")
async def forget_old_jobs(timestamp: int) -> None:  # noqa: ARG001
    await app.job_manager.delete_old_jobs(nb_hours=KEEP_JOBS_HOURS, include_failed=True)
