"""Files with more uploads than one chunk takes: each upload is screened once, in slices."""

from collections import Counter
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from moderation.models import (
    Classifier,
    PolicyVersion,
    ReviewTask,
    Score,
    Screening,
    ScreeningAttempt,
    ScreeningRun,
    Shadow,
    Upload,
)
from moderation.screening import attempts, chunk_screening, supervisor
from moderation.screening.attempts import Attempts
from moderation.screening.chunk import ChunkRunner
from moderation.screening.engine import Engine
from moderation.screening.modes import make_strategy, make_walk
from moderation.screening.runs import RunRules
from moderation.tuning.versions import put_in_force
from moderation.verification import verify
from tests.factories import image_bytes, make_upload, make_uploads, red

pytestmark = pytest.mark.django_db(transaction=True)

MOST = 5


@pytest.fixture(autouse=True)
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "MOST_UPLOADS", MOST)


def make_shared(value: float, *, uploads: int) -> list[Upload]:
    """Uploads of the same bytes."""
    return [make_upload(content=red(value)) for _ in range(uploads)]


def screenings_per_upload() -> Counter[int]:
    """How many uploads have 0, 1, ... live screenings."""
    live = Counter(Screening.objects.live().values_list("upload_id", flat=True))
    return Counter(live[pk] for pk in Upload.objects.values_list("pk", flat=True))


@pytest.mark.parametrize("processes", ["1", "2"])
def test_each_upload_is_screened_once(
    red_policy: PolicyVersion, capsys: pytest.CaptureFixture[str], processes: str
) -> None:
    make_uploads((red(0.1, salt=salt) for salt in range(1, 9)), source="before")
    for value, uploads in ((0.2, 23), (0.3, 5), (0.4, 6), (0.9, 12)):
        make_shared(value, uploads=uploads)
    make_uploads((red(0.1, salt=salt) for salt in range(10, 18)), source="after")
    call_command("prescreen", "--processes", processes)
    assert screenings_per_upload() == {1: 62}
    assert ScreeningRun.objects.get().counts["uploads"] == 62
    assert ScreeningRun.objects.get().counts["files"] == 20
    assert Score.objects.count() == 20
    assert not Upload.objects.pending().exists()
    assert verify().problems == []


def test_near_duplicates_in_later_slices_wait_for_the_same_verdict(red_policy: PolicyVersion, prescreen: Any) -> None:
    make_shared(0.5, uploads=13)
    assert prescreen()["review"] == 13
    assert ReviewTask.objects.filter(waits_for=None).count() == 1
    assert ReviewTask.objects.exclude(waits_for=None).count() == 12


def test_a_dry_run_counts_each_upload_once(red_policy: PolicyVersion, prescreen: Any) -> None:
    make_shared(0.1, uploads=13)
    make_shared(0.5, uploads=3)
    report = prescreen("--dry-run")
    assert (report["uploads"], report["approved"], report["review"]) == (16, 13, 3)
    assert Upload.objects.pending().count() == 16


def test_a_rescore_supersedes_each_screening_once(red_policy: PolicyVersion, prescreen: Any) -> None:
    make_shared(0.5, uploads=13)
    prescreen()
    put_in_force(red_policy.copy_as_draft(by=None, low=0.6), by=None, why="Other rules.")
    assert prescreen("--rescore")["uploads"] == 13
    assert screenings_per_upload() == {1: 13}
    assert Screening.objects.filter(superseded=True).count() == 13


def test_a_shadow_run_counts_all_uploads_of_a_file(red_policy: PolicyVersion, prescreen: Any) -> None:
    make_shared(0.1, uploads=13)
    prescreen()
    open_nsfw = Classifier.objects.get(name="open_nsfw")
    Shadow.objects.create(policy=red_policy.policy, classifier=open_nsfw, labels=["nsfw"])
    assert prescreen("--shadows")["uploads"] == 13


def test_all_uploads_of_an_unreadable_file_are_quarantined(red_policy: PolicyVersion, prescreen: Any) -> None:
    broken = image_bytes(size=(300, 300))[:-300]
    for _ in range(13):
        make_upload(content=broken)
    report = prescreen()
    assert sum(report["quarantined"].values()) == 13
    assert Upload.objects.quarantined().count() == 13


def test_a_limit_of_one_file_screens_all_of_its_uploads(
    red_policy: PolicyVersion, capsys: pytest.CaptureFixture[str]
) -> None:
    make_shared(0.1, uploads=13)
    make_upload(content=red(0.9))
    with pytest.raises(SystemExit):
        call_command("prescreen", "--processes", "1", "--limit", "1")
    assert screenings_per_upload() == {1: 13, 0: 1}


def test_all_uploads_of_a_suspect_file_are_screened(red_policy: PolicyVersion, prescreen: Any) -> None:
    uploads = make_shared(0.1, uploads=13)
    run = ScreeningRun.objects.create(state="done", finished_at="2026-01-01T00:00Z")
    ScreeningAttempt.objects.create(file=uploads[0].file, run=run, worker="dead", suspect=True)
    assert prescreen()["uploads"] == 13
    assert not ScreeningAttempt.objects.exists()


def test_a_file_that_killed_two_workers_is_quarantined_in_batches(
    red_policy: PolicyVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "BATCH", 5)
    uploads = make_shared(0.1, uploads=13)
    run = ScreeningRun.objects.create()
    ScreeningAttempt.objects.create(file=uploads[0].file, run=run, worker="dead", suspect=True)
    attempts.quarantine_or_suspect("dead", death="signal SIGSEGV", run=run)
    assert Upload.objects.quarantined().count() == 13
    run.refresh_from_db()
    assert run.counts == {"quarantined:worker_died": 13, "uploads": 13}


def test_a_slice_takes_no_more_statements_than_a_chunk_of_one_upload(
    red_policy: PolicyVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    # This process may use its own connection only.
    monkeypatch.setattr(attempts, "WATCH", "default")
    monkeypatch.setattr(chunk_screening, "WATCH", "default")
    make_upload(content=red(0.0))
    make_shared(0.1, uploads=13)
    run = ScreeningRun.objects.create()
    counts = []
    with Engine(RunRules.in_force(policy=None, mode="pending").rulebook()) as engine:
        runner = ChunkRunner(
            make_walk("pending", rulebook=engine.rulebook, run=run),
            make_strategy("pending", engine=engine, run=run, most_uploads=MOST),
            run=run,
            attempts=Attempts(run=run, worker="test"),
        )
        for _ in range(4):
            with CaptureQueriesContext(connection) as queries:
                assert not runner.next_chunk(1).is_empty
            counts.append(len(queries))
    assert screenings_per_upload() == {1: 14}
    assert max(counts[1:]) <= counts[0]
