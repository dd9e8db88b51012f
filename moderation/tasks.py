"""Background work on the same PostgreSQL: the nightly pre-screen, and the queue's own housekeeping.

``manage.py worker`` runs it. cron calling ``manage.py prescreen`` is equal; nothing here is needed for correctness.
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
    """Run the command, as an operator would; when the worker is told to stop, the command ends after its chunk."""
    process = subprocess.Popen([sys.executable, "manage.py", "prescreen"], cwd=settings.BASE_DIR)
    while process.poll() is None:
        try:
            process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            if context.should_abort():
                process.terminate()
    if process.returncode not in {0, 75}:
        raise PrescreenFailed(f"manage.py prescreen ended with status {process.returncode}; its output says why.")


# The same lock: it begins when the pre-screen that was asked for before it has ended, however that was.
@app.task(name="report", queueing_lock="report", lock="prescreen")
def report() -> None:
    """Send the night's report to REPORT_TO, as an operator would."""
    command = [sys.executable, "manage.py", "prescreen", "report", "--email"]
    if subprocess.run(command, cwd=settings.BASE_DIR, check=False).returncode:
        raise ReportFailed("manage.py prescreen report ended with an error; its output says why.")


class ReportFailed(Exception):
    """The report was not sent. 'manage.py prescreen report' shows it."""


class PrescreenFailed(Exception):
    """The command ended with an error. What it had committed stays."""


def request_prescreen() -> bool:
    """Ask for a pre-screen as soon as a worker is free; False where one is waiting already."""
    return _defer_once(prescreen)


def _defer_once(task: Any) -> bool:
    try:
        with transaction.atomic():  # the refusal is an error of the database, which would end an outer transaction
            task.defer()
    except exceptions.AlreadyEnqueued:
        return False
    return True


# The schedule is in TIME_ZONE, daylight saving included, which the queue's own cron expressions (UTC) can't say.
@app.periodic(cron="* * * * *")
@app.task(name="tick", queueing_lock="tick")
def tick(timestamp: int) -> None:
    """Start the scheduled pre-screen in its minute; its report follows where somebody is to get it."""
    if is_scheduled(datetime.fromtimestamp(timestamp, tz=UTC)):
        request_prescreen()
        if settings.REPORT_TO:
            _defer_once(report)


def is_scheduled(minute: datetime) -> bool:
    """Whether PRESCREEN_SCHEDULE names this minute."""
    zone, minute = ZoneInfo(settings.TIME_ZONE), minute.astimezone(UTC).replace(second=0, microsecond=0)
    # Subtracted in UTC: an hour that the clocks leave out has no minute before it in local time.
    following: datetime = next(CronSim(settings.PRESCREEN_SCHEDULE, (minute - timedelta(minutes=1)).astimezone(zone)))
    return following.astimezone(UTC) == minute


@app.periodic(cron="*/2 * * * *")
@app.task(name="retry_stalled", queueing_lock="retry_stalled", retry=RetryStrategy(max_attempts=3, wait=10))
async def retry_stalled(timestamp: int) -> None:  # noqa: ARG001  (every periodic task gets it)
    """Jobs of a worker that died run again."""
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER_SECONDS):
        await app.job_manager.retry_job(job)


@app.periodic(cron="30 3 * * *")
@app.task(name="forget_old_jobs", queueing_lock="forget_old_jobs")
async def forget_old_jobs(timestamp: int) -> None:  # noqa: ARG001
    await app.job_manager.delete_old_jobs(nb_hours=KEEP_JOBS_HOURS, include_failed=True)
