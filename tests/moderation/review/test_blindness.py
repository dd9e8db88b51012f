"""A verdict is blind if its person cannot have known the score: after undos, second looks and the same bytes."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.models import Decision, DrawnUpload, ReviewTask, User
from moderation.review import blindness, claiming, deciding
from moderation.review.eligibility import eligible
from moderation.tuning.rollup import differences, roll_up
from tests.factories import decide_claimed, image_bytes, make_task, make_upload, make_user

pytestmark = pytest.mark.django_db

START = datetime(2026, 1, 1, tzinfo=UTC)
WITHIN, AFTER = 600, 0


@pytest.fixture
def mo() -> User:
    return make_user("mo")


@pytest.fixture(autouse=True)
def grace(settings) -> None:
    settings.GRACE_SECONDS = WITHIN


def decide(task: ReviewTask, verdict: str, *, by: User) -> Decision:
    claiming.claim_for(task, moderator=by)
    return decide_claimed(task, verdict)


def undo_late(task: ReviewTask, settings, *, by: User) -> Decision:
    settings.GRACE_SECONDS = AFTER
    return deciding.undo(task, by=by)


def label(task: ReviewTask) -> str:
    roll_up()
    assert differences() == []
    return DrawnUpload.objects.get(screening=task.screening).outcome


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


# Undo


def test_an_undo_in_time_returns_the_task_blind(mo: User) -> None:
    task = make_task()
    decide(task, "violating", by=mo)
    assert deciding.undo(task, by=mo).blind
    assert claiming.claimed_task(mo) == task
    assert decide_claimed(task, "benign").blind
    assert label(task) == "benign"


def test_an_undo_later_gives_the_task_to_somebody_else(mo: User, settings) -> None:
    task = make_task()
    decide(task, "violating", by=mo)
    assert not undo_late(task, settings, by=mo).blind
    assert claiming.claimed_task(mo) is None
    assert claiming.claim_next(mo) is None
    assert claiming.claim_next(make_user("zoe")) == task


def test_an_undo_later_leaves_the_task_that_is_held_meanwhile(mo: User, settings) -> None:
    task, following = make_task(), make_task()
    decide(task, "violating", by=mo)
    assert claiming.claim_next(mo) == following
    undo_late(task, settings, by=mo)
    assert claiming.claimed_task(mo) == following


@pytest.mark.parametrize("kind", ["screening", "report", "appeal"])
def test_whoever_undid_a_verdict_late_is_not_asked_again(mo: User, settings, kind: str) -> None:
    task = make_task(kind=kind)
    decide(task, "violating", by=mo)
    undo_late(task, settings, by=mo)
    assert not eligible(ReviewTask.objects.all(), moderator=mo).exists()
    assert eligible(ReviewTask.objects.all(), moderator=make_user("zoe")).exists()


def test_the_label_of_a_verdict_undone_late_stays_until_a_blind_one_replaces_it(mo: User, settings) -> None:
    task = make_task(score=0.05)
    decide(task, "benign", by=mo)
    undo_late(task, settings, by=mo)
    assert label(task) == "benign"
    zoe = make_user("zoe")
    decide(task, "violating", by=zoe)
    decide(ReviewTask.objects.undecided().get(), "violating", by=make_user("yan"))
    assert label(task) == "violating"


def test_a_verdict_that_was_undone_in_time_is_no_label(mo: User) -> None:
    task = make_task()
    decide(task, "violating", by=mo)
    deciding.undo(task, by=mo)
    assert label(task) == "open"


def test_a_verdict_that_is_not_blind_changes_what_stands_and_not_the_label(mo: User, settings) -> None:
    lead = make_user("lead", group="lead")
    task = make_task()
    decide(task, "violating", by=mo)
    undo_late(task, settings, by=mo)
    assert not decide(task, "benign", by=lead).blind, "leads could open the upload while it was decided"
    task.upload.refresh_from_db()
    assert task.upload.status == "approved"
    assert label(task) == "violating"


def test_somebody_who_sees_no_uploads_decides_blind_after_a_late_undo(mo: User, settings) -> None:
    task = make_task()
    decide(task, "violating", by=mo)
    undo_late(task, settings, by=mo)
    assert decide(task, "benign", by=make_user("zoe")).blind
    assert label(task) == "benign"


# The same bytes again


def test_the_same_bytes_are_not_blind_once_their_score_was_shown(mo: User, settings) -> None:
    content = image_bytes((1, 2, 3))
    decide(make_task(make_upload(content=content)), "benign", by=mo)
    settings.GRACE_SECONDS = AFTER
    again = make_task(make_upload(content=content))
    assert not decide(again, "benign", by=mo).blind
    other = make_task(make_upload(content=content))
    assert decide(other, "benign", by=make_user("zoe")).blind
    assert label(again) == "open"


def test_the_same_bytes_are_blind_while_one_of_them_was_waiting_all_the_time(mo: User) -> None:
    content = image_bytes((1, 2, 3))
    first, second = (make_task(make_upload(content=content)) for _ in range(2))
    assert decide(first, "benign", by=mo).blind
    assert decide(second, "benign", by=mo).blind


def test_a_score_is_told_when_the_grace_period_is_over_and_nobody_is_asked_any_more(mo: User, settings) -> None:
    content = image_bytes((1, 2, 3))
    first, second = (make_task(make_upload(content=content)) for _ in range(2))
    decision = decide(first, "benign", by=mo)
    settings.GRACE_SECONDS = AFTER
    assert not blindness.is_settled(decision), "the second is undecided"
    later = decide(second, "benign", by=make_user("zoe"))
    assert blindness.is_settled(decision)
    settings.GRACE_SECONDS = WITHIN
    assert not blindness.is_settled(later)


# The rule itself


@pytest.mark.parametrize(
    ("spans", "after", "gap"),
    [
        ([(0, 10)], 5, False),
        ([(0, 10), (10, 20)], 5, False),
        ([(0, 10), (11, 20)], 5, True),
        ([(0, 10), (11, 20), (9, 12)], 5, False),
        ([(0, 10), (11, 20)], 15, False),
        ([(5, 10)], 3, True),
    ],
)
def test_a_gap_is_a_moment_that_no_span_covers(spans: list[tuple[int, int]], after: int, gap: bool) -> None:
    assert blindness.has_gap([(at(begin), at(end)) for begin, end in spans], after=at(after)) == gap


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 10)), min_size=1, max_size=6), st.integers(0, 30))
def test_a_gap_is_what_a_search_second_by_second_finds(lengths: list[tuple[int, int]], after: int) -> None:
    spans = [(begin, begin + length) for begin, length in lengths]
    last = max(begin for begin, _ in spans)
    moments = [moment / 2 for moment in range(2 * after, 2 * last)]
    free = any(not any(begin <= moment <= end for begin, end in spans) for moment in moments)
    assert blindness.has_gap([(at(begin), at(end)) for begin, end in spans], after=at(after)) == free


def test_a_task_is_asked_until_each_grace_period_ends_and_again_from_each_undo(settings) -> None:
    settings.GRACE_SECONDS = 10
    spans = blindness.spans_of(at(0), verdicts=[(at(5), at(8)), (at(20), at(50))], until=at(99))
    assert list(spans) == [(at(0), at(15)), (at(8), at(30)), (at(50), at(99))]
