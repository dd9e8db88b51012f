"""Alarms of audits are confirmed by a second person who does not know of the first verdict."""

import re

import pytest
from django.test import Client

from moderation.models import Decision, Effect, ReviewTask, User
from moderation.review import claiming, deciding
from moderation.review.claims import Claim
from moderation.review.deciding import UndoRefused
from moderation.verification.outcomes import conclusive_verdicts_have_an_effect, uploads_have_the_status_of_their_record
from tests.factories import decide_claimed, make_renditions, make_task, make_user

pytestmark = pytest.mark.django_db
APPROVED, BAND, REJECTED = 0.05, 0.5, 0.95


@pytest.fixture(autouse=True)
def at_once(settings) -> None:
    settings.GRACE_SECONDS = 0


@pytest.fixture
def people() -> list[User]:
    return [make_user(f"person-{n}", group="lead") for n in range(4)]


def decide(by: User, verdict: str) -> Decision:
    """Decide the next task of the ordinary queue as ``by``."""
    task = claiming.claim_next(by)
    assert task is not None
    return decide_claimed(task, verdict)


def outcome(task: ReviewTask) -> tuple[str, str]:
    """The upload's status, and the effect in force."""
    assert not list(uploads_have_the_status_of_their_record())
    assert not list(conclusive_verdicts_have_an_effect())
    task.upload.refresh_from_db()
    return task.upload.status, Effect.objects.in_force().latest_per_policy().get().outcome


@pytest.mark.parametrize(
    ("score", "verdict", "asked"),
    [
        (APPROVED, "violating", 1),
        (APPROVED, "benign", 0),
        (REJECTED, "benign", 1),
        (REJECTED, "violating", 0),
        (BAND, "violating", 0),
        (BAND, "benign", 0),
    ],
)
def test_only_bad_news_from_an_audit_asks_again(people, score: float, verdict: str, asked: int) -> None:
    make_task(score=score)
    decide(people[0], verdict)
    assert ReviewTask.objects.undecided().count() == asked
    assert claiming.claim_next(people[0]) is None


def test_the_first_verdict_takes_effect_at_once_and_a_second_one_confirms_it(people) -> None:
    task = make_task(score=APPROVED)
    decide(people[0], "violating")
    assert outcome(task) == ("rejected", "reject")
    decide(people[1], "violating")
    assert outcome(task) == ("rejected", "reject")
    assert not ReviewTask.objects.undecided().exists()


def test_in_a_tie_the_first_stands_until_the_third_and_then_is_reversed(people) -> None:
    task = make_task(score=APPROVED)
    decide(people[0], "violating")
    decide(people[1], "benign")
    assert outcome(task) == ("rejected", "reject")
    decide(people[2], "benign")
    assert outcome(task) == ("approved", "approve")
    assert not ReviewTask.objects.undecided().exists()


def test_an_undo_of_the_first_withdraws_the_second_task_and_a_new_verdict_brings_it_back(people, settings) -> None:
    settings.GRACE_SECONDS = 600
    task = make_task(score=REJECTED)
    deciding.undo(decide(people[0], "benign").task, by=people[0])
    assert outcome(task) == ("rejected", "reject")
    assert claiming.claim_next(people[1]) is None
    decide(people[0], "benign")
    assert decide(people[1], "benign").round == 2


def test_an_undo_changes_nothing_where_another_person_said_the_same(people) -> None:
    task = make_task(score=APPROVED)
    first = decide(people[0], "violating")
    decide(people[1], "violating")
    deciding.undo(first.task, by=people[0])
    assert outcome(task) == ("rejected", "reject")


def test_an_undo_of_the_deciding_verdict_brings_back_what_stood(people) -> None:
    task = make_task(score=APPROVED)
    decide(people[0], "violating")
    second = decide(people[1], "benign")
    decide(people[2], "benign")
    deciding.undo(second.task, by=people[1])
    assert outcome(task) == ("rejected", "reject")


def test_a_second_person_who_looks_already_goes_on_after_an_undo(people) -> None:
    task = make_task(score=APPROVED)
    first = decide(people[0], "violating")
    held = claiming.claim_next(people[1])
    deciding.undo(first.task, by=people[0])
    deciding.decide(held, "benign", claim=Claim.from_task(held))
    assert outcome(task) == ("approved", "approve")


def test_cannot_tell_goes_on_by_its_own_count(people) -> None:
    make_task(score=APPROVED)
    decide(people[0], "violating")
    decide(people[1], "cannot_tell")
    assert decide(people[2], "violating").round == 3
    assert not ReviewTask.objects.undecided().exists()


def test_the_last_word_of_a_lead_is_blind_as_the_score_was_never_shown_meanwhile(people, settings) -> None:
    settings.GRACE_SECONDS = 600
    make_task(score=BAND)
    first, second = decide(people[0], "cannot_tell"), decide(people[1], "cannot_tell")
    last = decide(people[0], "violating")
    assert last.task != first.task
    assert [decision.blind for decision in (first, second, last)] == [True, True, True]


def test_undoing_cannot_tell_is_still_refused_while_someone_looks(people) -> None:
    make_task(score=BAND)
    unsure = decide(people[0], "cannot_tell")
    claiming.claim_next(people[1])
    with pytest.raises(UndoRefused):
        deciding.undo(unsure.task, by=people[0])


def page_of(user: User) -> str:
    client = Client()
    client.force_login(user)
    client.post("/claim/")
    return client.get("/").content.decode()


def test_a_second_opinion_can_not_be_told_from_an_ordinary_task(people) -> None:
    audit = make_task(score=APPROVED)
    make_renditions(audit)
    decide(people[0], "violating")
    again = page_of(people[1])
    decide_claimed(claiming.claimed_task(people[1]), "violating")
    plain = make_task(score=BAND)
    make_renditions(plain)
    fresh = page_of(people[2])

    def bare(page: str) -> str:
        stage = page[page.index("<main") : page.index("</main>")]
        return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|csrfmiddlewaretoken\" value=\"\w+|\d+", "#", stage)

    assert bare(again) == bare(fresh)
