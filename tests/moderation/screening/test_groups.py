"""A second machine is only another `prescreen`: two process groups that share a database and a folder, nothing else."""

import os
import signal

import pytest

from moderation.models import PolicyVersion, Score, Screening, ScreeningRun, Upload
from moderation.verification import verify
from tests.factories import make_uploads, red
from tests.processes import PATIENCE, start_command, wait_for

COUNT = 800
pytestmark = pytest.mark.django_db(transaction=True)


def assert_each_screened_once() -> None:
    assert not Upload.objects.exclude(status="approved").exists()
    assert (Score.objects.count(), Screening.objects.count()) == (COUNT, COUNT)
    assert verify().problems == []


@pytest.mark.lengthy
def test_two_groups_share_a_night(red_policy: PolicyVersion) -> None:
    make_uploads(red(0.1, salt=salt) for salt in range(COUNT))
    groups = [start_command("prescreen", "--processes", "2", group=True) for _ in range(2)]
    assert len({os.getpgid(group.pid) for group in groups} | {os.getpgid(0)}) == 3
    errors = [group.communicate(timeout=PATIENCE)[1] for group in groups]
    assert [group.returncode for group in groups] == [0, 0], errors
    runs = ScreeningRun.objects.all()
    assert [run.state for run in runs] == ["done", "done"]
    assert sum(run.counts.get("uploads", 0) for run in runs) == COUNT
    assert_each_screened_once()


@pytest.mark.lengthy
def test_what_a_killed_group_held_is_done_by_the_other(red_policy: PolicyVersion) -> None:
    make_uploads(red(0.1, salt=salt) for salt in range(COUNT))
    killed = start_command("prescreen", "--processes", "2", group=True, quiet=True)
    wait_for(Score.objects.exists)
    other = start_command("prescreen", "--processes", "1", group=True)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    _, err = other.communicate(timeout=PATIENCE)
    assert other.returncode == 0, err
    assert not Upload.objects.pending().exists()
    again = start_command("prescreen", "--processes", "1")
    again.communicate(timeout=PATIENCE)
    assert sorted(ScreeningRun.objects.values_list("state", flat=True)) == ["done", "done", "interrupted"]
    assert_each_screened_once()
