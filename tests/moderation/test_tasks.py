"""The scheduled pre-screen, through the real queue and a real worker."""

from datetime import UTC, datetime

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob
from pytest_django import Settings

from moderation.models import PolicyVersion, ScreeningRun
from moderation.tasks import is_scheduled, request_prescreen, tick
from tests.factories import make_upload, red
from tests.mail_server import RecordingMailServer
from tests.processes import PATIENCE, start_command


@pytest.mark.parametrize(
    ("zone", "minute", "due"),
    [
        ("UTC", datetime(2026, 1, 5, 2, 0, 30, tzinfo=UTC), True),
        ("UTC", datetime(2026, 1, 5, 2, 1, tzinfo=UTC), False),
        ("UTC", datetime(2026, 1, 5, 1, 59, tzinfo=UTC), False),
        ("Europe/Berlin", datetime(2026, 1, 5, 1, 0, tzinfo=UTC), True),
        ("Europe/Berlin", datetime(2026, 7, 5, 0, 0, tzinfo=UTC), True),
        ("Europe/Berlin", datetime(2026, 7, 5, 1, 0, tzinfo=UTC), False),
        # 29 March: two o'clock is left out, so the run comes at three, which is one o'clock UTC.
        ("Europe/Berlin", datetime(2026, 3, 29, 1, 0, tzinfo=UTC), True),
    ],
)
def test_schedule_is_kept_in_the_time_zone(settings: Settings, zone: str, minute: datetime, due: bool) -> None:
    settings.TIME_ZONE, settings.PRESCREEN_SCHEDULE = zone, "0 2 * * *"
    assert is_scheduled(minute) is due


@pytest.mark.django_db(transaction=True)
def test_waiting_prescreen_is_not_asked_for_twice() -> None:
    assert request_prescreen()
    assert not request_prescreen()


def test_worker_runs_the_prescreen_that_the_tick_asked_for(red_policy: PolicyVersion, settings: Settings) -> None:
    upload = make_upload(content=red(0.1))
    settings.PRESCREEN_SCHEDULE = "0 2 * * *"
    tick(timestamp=int(datetime(2026, 1, 5, 2, 0, tzinfo=UTC).timestamp()))
    worker = start_command("procrastinate", "worker", "--one-shot")
    _, err = worker.communicate(timeout=PATIENCE)
    assert worker.returncode == 0, err
    upload.refresh_from_db()
    assert (upload.status, ScreeningRun.objects.get().state) == ("approved", "done")


@pytest.mark.lengthy
def test_the_scheduled_prescreen_is_followed_by_its_report(red_policy: PolicyVersion, settings: Settings) -> None:
    make_upload(content=red(0.5))
    with RecordingMailServer() as server:
        settings.PRESCREEN_SCHEDULE, settings.REPORT_TO = "0 2 * * *", ["ops@example.org"]
        tick(timestamp=int(datetime(2026, 1, 5, 2, 0, tzinfo=UTC).timestamp()))
        by_mail = {"EMAIL_URL": f"smtp://127.0.0.1:{server.port}?tls=none", "REPORT_TO": "ops@example.org"}
        for _ in range(2):  # a worker that takes what it finds does not wait for the report's turn
            worker = start_command("procrastinate", "worker", "--one-shot", "--concurrency", "2", also=by_mail)
            _, err = worker.communicate(timeout=PATIENCE)
            assert worker.returncode == 0, err
    (mail,) = server.taken
    assert mail["Subject"] == "Second Look: 1 screened, 1 to review, 0 quarantined, 0 pending"


@pytest.mark.django_db(transaction=True)
def test_without_somebody_to_get_it_no_report_is_asked_for(settings: Settings) -> None:
    settings.PRESCREEN_SCHEDULE, settings.REPORT_TO = "0 2 * * *", []
    tick(timestamp=int(datetime(2026, 1, 5, 2, 0, tzinfo=UTC).timestamp()))
    waiting = ProcrastinateJob.objects.filter(status="todo").values_list("task_name", flat=True)
    assert "prescreen" in waiting
    assert "report" not in waiting
