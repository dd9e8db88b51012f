"""The same bytes in several uploads: reused verdicts, and agreement between people on one file."""

import pytest

from moderation.models import Decision, Effect, LedgerRow, OpinionCount, ReviewTask, Screening, Upload
from moderation.review import claiming, deciding
from moderation.review.exact_duplicates import reuse_verdicts
from moderation.review.status import update_status
from moderation.tuning.rollup import differences, roll_up
from moderation.verification.outcomes import conclusive_verdicts_have_an_effect, uploads_have_the_status_of_their_record
from tests.factories import decide_claimed, image_bytes, make_screening, make_upload, make_user

pytestmark = pytest.mark.django_db
PICTURE = image_bytes((1, 2, 3))


def copy(*, score: float, u: float = 0.0) -> Screening:
    """Screen another upload of the same bytes."""
    return make_screening(make_upload(content=PICTURE), score=score, u=u)


def reuse(screening: Screening) -> list[Decision]:
    """Open the screening's task and reuse a verdict for it, as the pre-screen does."""
    linked = reuse_verdicts(ReviewTask.objects.open_for([screening]))
    update_status(Upload.objects.filter(pk=screening.upload_id))
    return linked


def decide(screening: Screening, verdict: str, *, by: str) -> Decision:
    (task,) = ReviewTask.objects.undecided().filter(screening=screening) or ReviewTask.objects.open_for([screening])
    claiming.claim_for(task, moderator=make_user(by, group="lead"))
    return decide_claimed(task, verdict)


def labels() -> tuple[int, int, int]:
    """Uploads, labelled, violating."""
    rows = LedgerRow.objects.values_list("uploads", "labelled", "violating")
    return tuple(map(sum, zip(*rows, strict=True)))


def record_holds() -> bool:
    return not [*conclusive_verdicts_have_an_effect(), *uploads_have_the_status_of_their_record(), *differences()]


def test_a_drawn_duplicate_takes_over_the_confirmed_verdict_and_counts() -> None:
    origin = copy(score=0.05)
    decide(origin, "violating", by="one")
    decide(origin, "violating", by="two")
    roll_up()
    again = copy(score=0.05)
    (linked,) = reuse(again)
    roll_up()
    assert (linked.source, linked.carried_from.screening) == ("carried_over", origin)
    assert labels() == (2, 2, 2)
    assert not ReviewTask.objects.undecided().exists()
    assert Upload.objects.get(pk=again.upload_id).status == "rejected"
    assert Effect.objects.filter(decision=linked, outcome="reject").exists()
    assert record_holds()


def test_an_unconfirmed_verdict_is_not_taken_over() -> None:
    decide(copy(score=0.05), "violating", by="one")
    roll_up()
    assert reuse(copy(score=0.05)) == []


def test_a_duplicate_that_was_not_drawn_is_no_label() -> None:
    decide(copy(score=0.5), "benign", by="one")
    roll_up()
    left_out = copy(score=0.05, u=0.9)
    (task,) = ReviewTask.objects.open_for([left_out])
    assert reuse_verdicts([task]) == []
    decide(left_out, "benign", by="two")  # somebody reviews it nevertheless
    roll_up()
    assert labels() == (2, 1, 0)
    assert record_holds()


def test_what_was_taken_over_falls_with_the_verdict_that_it_comes_from() -> None:
    origin = decide(copy(score=0.5), "benign", by="one")
    roll_up()
    reuse(copy(score=0.5))
    roll_up()
    assert labels() == (2, 2, 0)
    deciding.undo(origin.task, by=origin.reviewer)
    roll_up()
    assert labels() == (2, 0, 0)
    assert differences() == []


def test_what_is_taken_over_is_nobodys_last_decision() -> None:
    origin = decide(copy(score=0.5), "benign", by="one")
    roll_up()
    reuse(copy(score=0.5))
    assert Decision.objects.last_verdict_of(origin.reviewer).first() == origin


def patterns() -> list[tuple[int, int, int]]:
    rows = OpinionCount.objects.filter(files__gt=0).order_by("violating")
    return list(rows.values_list("violating", "benign", "files"))


def test_people_are_compared_where_they_judged_the_same_bytes() -> None:
    decide(copy(score=0.5), "benign", by="one")
    roll_up()
    assert patterns() == []
    second = decide(copy(score=0.5), "violating", by="two")
    roll_up()
    assert patterns() == [(1, 1, 1)]
    decide(copy(score=0.5), "benign", by="three")
    roll_up()
    assert patterns() == [(1, 2, 1)]
    deciding.undo(second.task, by=second.reviewer)
    roll_up()
    assert patterns() == [(0, 2, 1)]
    assert differences() == []


def test_second_opinions_are_not_compared_for_an_alarm_called_for_them() -> None:
    audit = copy(score=0.05)
    for verdict, by in (("violating", "one"), ("benign", "two"), ("benign", "three")):
        decide(audit, verdict, by=by)
    roll_up()
    assert patterns() == []


def test_a_recount_finds_a_changed_pattern() -> None:
    decide(copy(score=0.5), "benign", by="one")
    decide(copy(score=0.5), "benign", by="two")
    roll_up()
    OpinionCount.objects.update(files=5)
    assert differences()[0][1] == "5 files, a recount gives 1"
