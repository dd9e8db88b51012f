"""What is killed in the middle loses nothing, repeats nothing and blames no file."""

import os
import random
import signal
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.db.models import Count
from django.utils import timezone

from moderation.models import PolicyVersion, Score, Screening, ScreeningAttempt, ScreeningRun, Upload
from moderation.screening import attempts
from moderation.verification import verify
from tests.factories import make_upload, make_uploads, red, version_in_force
from tests.processes import PATIENCE, start_command, wait_for

KILLS, EACH = 20, 12

pytestmark = pytest.mark.django_db(transaction=True)


def children_of(pid: int) -> list[int]:
    return [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]


def assert_each_screened_once(count: int) -> None:
    assert Upload.objects.pending().count() == 0
    assert not Upload.objects.quarantined().exists(), "a killed process is nobody's fault"
    assert Score.objects.count() == count
    per_upload = Upload.objects.annotate(screened=Count("screenings")).values_list("screened", flat=True)
    assert set(per_upload) == {1}
    assert verify().problems == []


@pytest.mark.lengthy
def test_killed_twenty_times_and_each_file_scored_once() -> None:
    """With the real classifier, so that a chunk lasts long enough to be hit; workers of killed commands live on."""
    assert version_in_force().classifier.name == "open_nsfw"
    moment = random.Random(20)
    for kill in range(KILLS):
        salts = range(EACH * kill, EACH * kill + EACH)
        make_uploads((red(0.5, salt=salt) for salt in salts), source=f"before kill {kill}")
        command = start_command("prescreen", "--processes", "2", quiet=True)
        wait_for(lambda started=kill: ScreeningRun.objects.count() > started)
        time.sleep(moment.uniform(0, 2))
        workers = children_of(command.pid) if kill % 4 == 3 else []
        os.kill(moment.choice([*workers, command.pid]), signal.SIGKILL)
        command.terminate()
        command.wait(timeout=PATIENCE)
    command = start_command("prescreen", "--processes", "2")
    out, err = command.communicate(timeout=PATIENCE)
    assert command.returncode == 0, out + err
    assert_each_screened_once(KILLS * EACH)
    assert not ScreeningAttempt.objects.exists()


@pytest.mark.lengthy
def test_killed_worker_is_replaced_and_the_command_ends_well(red_policy: PolicyVersion) -> None:
    uploads = make_uploads(red(0.1, salt=salt) for salt in range(1500))
    command = start_command("prescreen", "--processes", "1")
    wait_for(Score.objects.exists)
    for worker in children_of(command.pid):
        os.kill(worker, signal.SIGKILL)
    _, err = command.communicate(timeout=PATIENCE)
    assert command.returncode == 0, err
    assert_each_screened_once(len(uploads))


def test_a_file_dies_with_its_worker_twice_and_is_quarantined(red_policy: PolicyVersion) -> None:
    upload = make_upload(content=red(0.5))
    run = ScreeningRun.objects.create()
    ScreeningAttempt.objects.create(file=upload.file, run=run, worker="first")
    attempts.quarantine_or_suspect("first", death="signal SIGSEGV", run=run)
    assert ScreeningAttempt.objects.get().suspect
    upload.refresh_from_db()
    assert upload.status == "pending", "once is not enough"
    ScreeningAttempt.objects.update(worker="second")
    attempts.quarantine_or_suspect("second", death="signal SIGSEGV", run=run)
    upload.refresh_from_db()
    assert (upload.status, upload.quarantine_reason) == ("quarantined", "worker_died")
    assert "signal SIGSEGV" in upload.quarantine_detail
    run.refresh_from_db()
    assert run.counts == {"quarantined:worker_died": 1, "uploads": 1}


def test_suspects_of_a_dead_command_are_screened_alone(red_policy: PolicyVersion) -> None:
    suspect, other = make_upload(content=red(0.5)), make_upload(content=red(0.6))
    last = timezone.now() - timedelta(hours=3)
    run = ScreeningRun.objects.create(started_at=last, worked_until=last)  # nobody holds its lock
    ScreeningAttempt.objects.create(file=suspect.file, run=run, worker="died with its command")
    command = start_command("prescreen", "--processes", "1")
    _, err = command.communicate(timeout=PATIENCE)
    assert command.returncode == 0, err
    run.refresh_from_db()
    assert (run.state, run.finished_at) == ("interrupted", last)
    first, last = Screening.objects.order_by("pk")
    assert (first.upload, last.upload) == (other, suspect), "what somebody died with comes last"
    assert not ScreeningAttempt.objects.exists()


@pytest.mark.lengthy
def test_sigterm_ends_after_the_chunk(red_policy: PolicyVersion) -> None:
    make_uploads(red(0.1, salt=salt) for salt in range(2500))
    command = start_command("prescreen", "--processes", "1", "--json")
    wait_for(Score.objects.exists)
    command.send_signal(signal.SIGTERM)
    out, err = command.communicate(timeout=PATIENCE)
    assert command.returncode == 75, out + err
    assert Upload.objects.pending().exists()
    assert ScreeningRun.objects.get().state == "stopped"
    assert verify().problems == []


def test_two_commands_share_the_work(red_policy: PolicyVersion) -> None:
    uploads = make_uploads(red(0.1, salt=salt) for salt in range(400))
    commands = [start_command("prescreen", "--processes", "1") for _ in range(2)]
    errors = [command.communicate(timeout=PATIENCE)[1] for command in commands]
    assert [command.returncode for command in commands] == [0, 0], errors
    assert_each_screened_once(len(uploads))
