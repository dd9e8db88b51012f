"""Messages to people whose claim does not hold any more."""

import uuid
from typing import Any

import pytest

from moderation.models import ReviewTask, User
from moderation.review import claiming, deciding
from moderation.review.claims import Claim, ClaimLost
from moderation.review.eligibility import eligible
from tests.factories import expire_claim, make_task, make_user

pytestmark = pytest.mark.django_db

NOT_YOURS = "This is not your claim. Nothing was saved."


def held_by(moderator: User) -> tuple[ReviewTask, Claim]:
    task = make_task()
    claiming.claim_for(task, moderator=moderator)
    assert Claim.from_task(task) is not None
    return task, Claim.from_task(task)


def said(task: ReviewTask, claim: Claim) -> str:
    with pytest.raises(ClaimLost) as lost:
        claiming.renew(task, claim=claim)
    return str(lost.value)


def taken(task: ReviewTask) -> None:
    expire_claim(task)
    claiming.claim_for(task, moderator=make_user("zoe"))


def decided(task: ReviewTask) -> None:
    taken(task)
    deciding.decide(task, "benign", claim=Claim.from_task(task))


def given_back(task: ReviewTask) -> None:
    claiming.skip(task, claim=Claim.from_task(task))


FATES: list[tuple[Any, str]] = [
    (expire_claim, "ran out or was given back"),
    (taken, "someone else took it"),
    (decided, "someone else decided it"),
    (given_back, "ran out or was given back"),
]


@pytest.mark.parametrize(("fate", "words"), FATES)
def test_who_held_the_task_hears_what_became_of_it(fate: Any, words: str) -> None:
    task, claim = held_by(make_user("mo"))
    fate(task)
    assert words in said(task, claim)


@pytest.mark.parametrize("fate", [fate for fate, _ in FATES])
@pytest.mark.parametrize("token", ["nil", "chance", "another task's", "another person's"])
def test_who_never_held_it_hears_nothing_of_it(fate: Any, token: str) -> None:
    (task, claim), nosy = held_by(make_user("mo")), make_user("nosy")
    tokens = {
        "nil": uuid.UUID(int=0),
        "chance": uuid.uuid4(),
        "another task's": Claim.new(make_task(score=0.6).pk, moderator=nosy).token,
        "another person's": claim.token,
    }
    fate(task)
    assert said(task, Claim(moderator=nosy, token=tokens[token])) == NOT_YOURS


def test_who_opened_it_again_or_decided_it_hears_that() -> None:
    mo = make_user("mo")
    task, first = held_by(mo)
    claiming.claim_for(task, moderator=mo)
    assert "again elsewhere" in said(task, first)
    deciding.decide(task, "benign", claim=Claim.from_task(task))
    assert "You decided" in said(task, first)


def test_no_two_claims_have_the_same_token() -> None:
    task, mo = make_task(), make_user("mo")
    assert len({Claim.new(task.pk, moderator=mo).token for _ in range(100)}) == 100


@pytest.mark.django_db
@pytest.mark.parametrize("group", ["moderator", "lead"])
def test_a_claim_looks_reasons_up_task_by_task_and_reads_no_persons_whole_past(group: str) -> None:
    """Joined with OR, PostgreSQL would hash all decisions of the person: 180 ms after 75,000 of them."""
    make_task()
    plan = eligible(ReviewTask.objects.claimable(), moderator=make_user(group=group)).in_review_order()[:1].explain()
    assert "SubPlan" not in plan
    assert plan.count("Anti Join") == 5
