"""The roll-up of screenings and decisions to ledger rows, through the real models."""

import json
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import Sum
from django.utils import timezone

from moderation.models import Decision, DrawnUpload, LedgerDay, LedgerRow, ReviewTask, Screening, Upload, User
from moderation.review import claiming, deciding
from moderation.tuning import rollup
from moderation.tuning.rollup import differences, roll_up
from moderation.tuning.versions import put_in_force
from tests.factories import (
    decide_claimed,
    make_screening,
    make_upload,
    make_user,
    version_in_force,
)

pytestmark = pytest.mark.django_db


def days_ago(days: float) -> datetime:
    return timezone.now() - timedelta(days=days)


def screened(*, score: float, u: float = 0.0, days: float = 0, **changes: Any) -> Screening:
    """Make a screening of a new upload ``days`` ago, with its task if a person reviews it."""
    screening = make_screening(score=score, u=u)
    if days or changes:
        screening.pk, screening.upload = None, make_upload()
        screening.created_at = days_ago(days)
        for name, value in changes.items():
            setattr(screening, name, value)
        screening.save(force_insert=True)
    if screening.drawn:
        ReviewTask.objects.open_for([screening])
    return screening


def decide(screening: Screening, verdict: str, *, by: User, **content: Any) -> Decision:
    task = ReviewTask.objects.undecided().get(screening=screening)
    claiming.claim_for(task, moderator=by)
    return decide_claimed(task, verdict, **content)


def people(count: int) -> list[User]:
    return [make_user(f"person-{n}", group="lead") for n in range(count)]


def counts() -> tuple[int, int, int, int]:
    """Return uploads, labelled, violating and missing, summed over the ledger."""
    names = ("uploads", "labelled", "violating", "missing")
    found = LedgerRow.objects.aggregate(**{name: Sum(name, default=0) for name in names})
    return tuple(found[name] for name in names)


def test_each_upload_is_counted_in_its_bin_and_rate_class() -> None:
    for score, u in ((0.05, 0.5), (0.057, 0.001), (0.5, 0.9), (1.0, 0.5)):
        screened(score=score, u=u)
    roll_up()
    rows = LedgerRow.objects.order_by("bin", "pi").values_list("bin", "region", "pi", "uploads")
    assert list(rows) == [(5, "approve", 0.02, 2), (50, "review", 1.0, 1), (100, "reject", 0.1, 1)]
    assert differences() == []


def test_a_verdict_counts_only_where_the_coin_drew() -> None:
    (mo,) = people(1)
    drawn, left_out = screened(score=0.05, u=0.001), screened(score=0.05, u=0.5)
    ReviewTask.objects.open_for([left_out])  # a review outside the sample
    decide(drawn, "benign", by=mo)
    decide(left_out, "violating", by=mo)
    roll_up()
    assert counts() == (2, 1, 0, 0)


@pytest.mark.parametrize("source", ["report", "appeal", "gold"])
def test_reports_appeals_and_gold_never_count(source: str) -> None:
    (mo,) = people(1)
    screening = screened(score=0.5)
    task = screening.tasks.get()
    Decision.objects.create(
        upload=screening.upload, screening=screening, task=task, verdict="benign", reviewer=mo, source=source
    )
    roll_up()
    assert counts() == (1, 0, 0, 0)


def test_the_roll_up_is_repeatable_and_reads_only_what_is_new() -> None:
    (mo,) = people(1)
    first = screened(score=0.5)
    one = roll_up()
    assert (one.screenings, one.drawn) == (1, 1)
    before = list(LedgerRow.objects.values())
    again = roll_up()
    assert (again.screenings, again.decisions, again.drawn, again.changed) == (0, 0, 0, 0)
    assert list(LedgerRow.objects.values()) == before
    decide(first, "violating", by=mo)
    screened(score=0.5)
    assert roll_up().changed == 1
    assert counts() == (2, 1, 1, 0)
    assert differences() == []


def test_an_undone_verdict_does_not_count() -> None:
    (mo,) = people(1)
    screening = screened(score=0.5)
    decision = decide(screening, "violating", by=mo)
    roll_up()
    assert counts() == (1, 1, 1, 0)
    deciding.undo(decision.task, by=mo)
    roll_up()
    assert counts() == (1, 0, 0, 0)
    assert differences() == []


def test_an_unconfirmed_audit_is_not_final_and_a_confirmed_one_is() -> None:
    one, two = people(2)
    audit = screened(score=0.05, u=0.001)
    decide(audit, "violating", by=one)
    roll_up()
    assert counts() == (1, 0, 0, 0)
    decide(audit, "violating", by=two)
    roll_up()
    assert counts() == (1, 1, 1, 0)


def test_a_tie_waits_for_the_third_and_the_majority_counts() -> None:
    one, two, three = people(3)
    audit = screened(score=0.95, u=0.001)
    for verdict, person, expected in (("benign", one, 0), ("violating", two, 0), ("benign", three, 1)):
        decide(audit, verdict, by=person)
        roll_up()
        assert counts() == (1, expected, 0, 0)
    assert differences() == []


def test_what_everybody_asked_can_not_tell_is_missing() -> None:
    screening = screened(score=0.5)
    for person in people(3):
        decide(screening, "cannot_tell", by=person)
    roll_up()
    assert counts() == (1, 0, 0, 1)


def test_past_the_deadline_a_verdict_is_missing_however_it_comes() -> None:
    (mo,) = people(1)
    late, never = screened(score=0.5, days=10), screened(score=0.5, days=10)
    decide(late, "benign", by=mo)
    roll_up()
    assert counts()[1:] == (0, 0, 2)
    assert DrawnUpload.objects.filter(screening__in=[late, never], outcome="missing").count() == 2


def test_a_day_closes_when_its_verdicts_are_final_or_overdue_and_not_before_it_is_over() -> None:
    (mo,) = people(1)
    done, waiting = screened(score=0.5, days=3), screened(score=0.5, days=4)
    screened(score=0.5, days=9)
    today = screened(score=0.5)
    decide(done, "benign", by=mo)
    decide(today, "benign", by=mo)
    roll_up()
    closed = {day.day: day.closed_at is not None for day in LedgerDay.objects.all()}
    days = {name: days_ago(days).astimezone(UTC).date() for name, days in (("d", 3), ("w", 4), ("o", 9), ("t", 0))}
    assert [closed[days[name]] for name in "dwot"] == [True, False, True, False]
    assert [day.day for day in LedgerDay.objects.closed_prefix(waiting.epoch)] == [days["o"]]


def test_a_closed_day_keeps_its_counts_whatever_is_undone_later() -> None:
    (mo,) = people(1)
    screening = screened(score=0.5, days=3)
    decision = decide(screening, "violating", by=mo)
    roll_up()
    frozen = LedgerRow.objects.filter(day__closed_at__isnull=False).values_list("labelled", "violating").get()
    deciding.undo(decision.task, by=mo)
    roll_up()
    assert LedgerRow.objects.filter(day__closed_at__isnull=False).values_list("labelled", "violating").get() == frozen
    assert differences() == []


def test_counts_survive_the_erasure_of_uploads() -> None:
    (mo,) = people(1)
    screening = screened(score=0.5)
    decide(screening, "violating", by=mo)
    roll_up()
    before = counts()
    Upload.objects.filter(pk=screening.upload_id).update(
        erased_at=timezone.now(), status="erased", external_id="", uploader_reference=""
    )
    roll_up()
    assert counts() == before
    assert differences() == []


def test_a_second_screening_in_the_epoch_changes_neither_bin_nor_class() -> None:
    (mo,) = people(1)
    first = screened(score=0.05, u=0.001)
    decide(first, "benign", by=mo)
    Screening.objects.filter(pk=first.pk).update(superseded=True)
    again = Screening.objects.get(pk=first.pk)
    again.pk, again.score, again.route, again.superseded = None, 0.5, "review", False
    again.save(force_insert=True)
    roll_up()
    assert LedgerRow.objects.values_list("bin", "uploads", "labelled").get() == (5, 1, 1)


def test_another_policy_text_begins_another_ledger() -> None:
    (mo,) = people(1)
    decide(screened(score=0.5), "benign", by=mo)
    put_in_force(version_in_force().copy_as_draft(by=None, text="Another text."), by=None, why="clearer")
    decide(screened(score=0.5), "benign", by=mo)
    roll_up()
    assert LedgerDay.objects.count() == 2
    assert LedgerRow.objects.values_list("uploads", "labelled").distinct().get() == (1, 1)


def test_verify_finds_a_count_that_was_changed() -> None:
    screened(score=0.5)
    roll_up()
    LedgerRow.objects.update(uploads=7)
    ((what, found),) = differences()
    assert "bin 50" in what
    assert found == "7 0 0 0, a recount gives 1 0 0 0"


def test_the_command_says_what_it_read(capsys) -> None:
    screened(score=0.5)
    call_command("rollup", "--json")
    assert json.loads(capsys.readouterr().out)["drawn"] == 1
    call_command("rollup")
    assert "Closed: 0 days." in capsys.readouterr().out


@pytest.mark.django_db(transaction=True)
def test_what_is_committed_late_is_read_next_time() -> None:
    """An id is taken before its row is committed, and the roll-up must not skip it."""
    make_screening(score=0.5)  # with the run that both belong to
    taken, go = threading.Event(), threading.Event()

    def slow() -> None:
        try:
            with transaction.atomic():
                make_screening(score=0.6)
                taken.set()
                go.wait(10)
        finally:
            connection.close()

    thread = threading.Thread(target=slow)
    thread.start()
    taken.wait(10)
    make_screening(score=0.7)
    release = threading.Timer(0.5, go.set)
    release.start()
    roll_up()
    thread.join()
    release.join()
    roll_up()
    assert counts()[0] == 3
    assert differences() == []


def test_a_transaction_in_another_database_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollup, "WAIT_SECONDS", 0.0)
    settings = connection.settings_dict
    elsewhere = {"host": settings["HOST"], "port": settings["PORT"], "user": settings["USER"]}
    with psycopg.connect(**elsewhere, password=settings["PASSWORD"], dbname="postgres") as other:
        other.execute("SELECT pg_current_xact_id()")
        assert roll_up().screenings == 0
