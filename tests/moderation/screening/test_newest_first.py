"""Which uploads come first, and which alone, through real worker processes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F
from django.utils import timezone

from moderation.management.arguments import when
from moderation.models import PolicyVersion, RollUp, Screening, ScreeningRun, StoredFile, Upload
from moderation.tuning.versions import put_in_force
from tests.factories import make_upload, make_uploads, red

pytestmark = pytest.mark.django_db(transaction=True)


def age(uploads: list[Upload], *, days: float, files: bool = True) -> None:
    """Let ``uploads``, and their files, have come in so long ago."""
    earlier = timedelta(days=days)
    mine = Upload.objects.filter(pk__in=[upload.pk for upload in uploads])
    mine.update(received_at=F("received_at") - earlier)
    if files:
        StoredFile.objects.filter(uploads__in=mine).update(created_at=F("created_at") - earlier)


def backlog(count: int) -> list[Upload]:
    uploads = make_uploads((red(0.1, salt=salt) for salt in range(count)), source="backlog")
    age(uploads, days=3)
    return uploads


def limited(limit: int) -> None:
    """A run that ends with work left."""
    with pytest.raises(SystemExit):
        call_command("prescreen", "--processes", "1", "--limit", str(limit))


def screened() -> set[str]:
    return set(Upload.objects.exclude(status="pending").values_list("external_id", flat=True))


def test_fresh_uploads_come_before_a_backlog_and_then_the_oldest(red_policy: PolicyVersion) -> None:
    backlog(8)
    for name in ("fresh 1", "fresh 2", "fresh 3"):
        make_upload(content=red(0.2, salt=int(name[-1])), external_id=name)
    limited(5)
    assert screened() == {"fresh 1", "fresh 2", "fresh 3", "0", "1"}


def test_a_fresh_upload_of_bytes_stored_long_ago_comes_before_the_backlog(red_policy: PolicyVersion) -> None:
    backlog(8)
    make_upload(content=red(0.1, salt=7), external_id="again")
    limited(1)
    # The file is looked at once, for all of its uploads.
    assert screened() == {"again", "7"}


def test_everything_is_screened_in_the_end(red_policy: PolicyVersion, prescreen: Any) -> None:
    backlog(70)
    make_uploads((red(0.3, salt=salt) for salt in range(70)), source="fresh")
    assert prescreen()["uploads"] == 140
    assert not Upload.objects.pending().exists()
    assert ScreeningRun.objects.get().work_left == 0


def test_since_screens_only_what_was_received_since(red_policy: PolicyVersion, prescreen: Any) -> None:
    old = backlog(4)
    new = make_upload(content=red(0.4), external_id="new")
    again = make_upload(content=red(0.1, salt=2), external_id="again")
    assert prescreen("--since", "24h")["uploads"] == 2
    assert screened() == {new.external_id, again.external_id}
    age(old[:1], days=30)
    assert prescreen("--since", (timezone.now() - timedelta(days=10)).date().isoformat())["uploads"] == 3
    assert screened() == {"new", "again", "1", "2", "3"}


def test_a_dry_run_since_sees_only_what_was_received_since(red_policy: PolicyVersion, prescreen: Any) -> None:
    backlog(4)
    make_upload(content=red(0.4))
    assert prescreen("--since", "1d", "--dry-run")["uploads"] == 1


def test_rescore_since_leaves_what_is_older(red_policy: PolicyVersion, prescreen: Any) -> None:
    old = backlog(2)
    new = make_upload(content=red(0.4))
    prescreen()
    version = red_policy.copy_as_draft(by=None, low=0.05)
    put_in_force(version, by=None, why="Another cut.")
    assert prescreen("--rescore", "--since", "24h")["uploads"] == 1
    assert new.screenings.count() == 2
    assert old[0].screenings.count() == 1


def test_a_run_notes_the_rules_it_went_by_and_what_it_left(red_policy: PolicyVersion, prescreen: Any) -> None:
    backlog(3)
    limited(1)
    run = ScreeningRun.objects.get()
    assert (run.state, run.work_left) == ("stopped", 2)
    assert list(run.policy_versions.all()) == [red_policy]
    assert run.started_at < run.worked_until < run.finished_at
    assert RollUp.objects.get().screenings_read == Screening.objects.get().pk, "in the morning the ledger counts, too"


@pytest.mark.parametrize("wrong", ["yesterday", "2026-02-30", "24", "7y", "", "2999-01-01"])
def test_a_moment_that_is_none_is_refused_with_what_is_accepted(red_policy: PolicyVersion, wrong: str) -> None:
    with pytest.raises(CommandError, match=r"write a date \(2026-11-01\)"):
        call_command("prescreen", f"--since={wrong}")


@pytest.mark.parametrize(("text", "back"), [("90m", 5400), ("24h", 86400), ("7d", 604800), ("2w", 1209600)])
def test_how_long_ago_is_understood(text: str, back: int) -> None:
    assert abs((timezone.now() - when(text)).total_seconds() - back) < 60


def test_a_date_is_midnight_in_the_time_zone() -> None:
    with timezone.override("Asia/Tokyo"):
        assert when("2026-01-05") == datetime(2026, 1, 4, 15, tzinfo=UTC)
