"""Through the pages: what a reviewer is told before the verdict, within the grace period and afterwards."""

import re
from dataclasses import dataclass

import pytest
from django.http import HttpResponseBase
from django.test import Client

from moderation.models import Decision, Exposure, GoldItem, Policy, ReviewTask, Screening, Skip, User
from moderation.review import claiming
from tests import factories
from tests.reviewqueue.blindness import headers, readable, without_facts

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
SCORES = {"band": 0.51, "audit_approve": 0.07, "audit_reject": 0.93}
KINDS = [*SCORES, "untrusted", "second_opinion", "gold", "report", "appeal"]
# Verdicts after which nobody else is asked.
FINAL = {"audit_reject": "violating", "second_opinion": "violating", "appeal": "violating"}
WITHIN, AFTER = 600, 0


@dataclass
class Reviewer:
    """A person at the queue's page, with a claimed task of one kind."""

    client: Client
    user: User
    task: ReviewTask

    def page(self, address: str = "/", **options: object) -> str:
        return self.read(self.client.get(address, **options))

    def read(self, answer: HttpResponseBase) -> str:
        """Return an answer without the person and the picture, which differ in every case."""
        return without_facts(readable(answer), {"NAME": self.task.upload.external_id, "PERSON": self.user.username})

    def post(self, action: str, **content: str):
        token = self.task.claim_token
        return self.client.post(f"/claims/{token}/{action}/", content, headers=HTMX)

    def decide(self, verdict: str = "benign", **content: str):
        reason = "nudity" if verdict == "violating" else ""
        return self.post("decide", **{"verdict": verdict, "reason": reason, "unseen": "confirmed", **content})

    def toast(self) -> str:
        return self.page("/last-decision/", headers=HTMX)


@pytest.fixture(autouse=True)
def grace(settings) -> None:
    settings.GRACE_SECONDS = WITHIN


def task_of(kind: str) -> ReviewTask:
    if kind in SCORES:
        return factories.make_task(score=SCORES[kind])
    if kind == "second_opinion":
        first = factories.make_task(score=0.07)
        claiming.claim_for(first, moderator=factories.make_user(f"first-{first.pk}"))
        factories.decide_claimed(first, "violating")
        return ReviewTask.objects.undecided().get(screening=first.screening)
    screening = screening_of(kind)
    if kind == "untrusted":
        return ReviewTask.objects.open_for([screening])[0]
    if kind == "gold":
        GoldItem.objects.create(policy=screening.policy, screening=screening, truth="benign", why="Plain.")
    return ReviewTask.objects.open_again(screening, kind=kind, priority=10)


def screening_of(kind: str) -> Screening:
    if kind == "untrusted":
        return factories.make_screening(score=0.01, untrusted="low_resolution")
    return factories.make_screening(score=0.95 if kind == "appeal" else 0.05)


def served(kind: str) -> Reviewer:
    """Claim a task of this kind for a new person. Its upload has other numbers than any other one's."""
    task = task_of(kind)
    factories.make_renditions(task)
    user = factories.make_user(f"mo-{task.pk}-{kind}")
    claiming.claim_for(task, moderator=user)
    client = Client()
    client.force_login(user)
    return Reviewer(client, user, task)


# Before the verdict


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_task_looks_like_one_from_the_band(kind: str) -> None:
    band, other = served("band"), served(kind)
    for each in (band, other):
        each.post("reveal")
    assert other.page() == band.page()
    assert other.page("/?revealed") == band.page("/?revealed")
    assert other.page("/waiting/", headers=HTMX) == band.page("/waiting/", headers=HTMX)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("variant", ["blurred", "clear"])
def test_the_headers_of_a_picture_are_those_of_any_other(kind: str, variant: str) -> None:
    def answer(each: Reviewer) -> dict[str, str]:
        each.post("reveal")
        found = each.client.get(f"/claims/{each.task.claim_token}/images/1/{variant}/")
        assert b"".join(found.streaming_content)
        assert each.task.upload.file.sha256 not in str(found.headers)
        return headers(found)

    assert answer(served(kind)) == answer(served("band"))


@pytest.mark.parametrize("kind", KINDS)
def test_refusals_before_the_verdict_are_those_of_any_other_task(kind: str) -> None:
    band, other = served("band"), served(kind)
    for content in ({"verdict": "perhaps"}, {"verdict": "violating", "reason": "invented"}, {"unseen": ""}):
        texts = [each.read(each.decide(**content)) for each in (band, other)]
        assert texts[0] == texts[1]


def test_a_skip_names_no_number() -> None:
    reviewer = served("gold")
    answer = readable(reviewer.post("skip"))
    assert "Skipped" in answer
    assert not re.search(rf"(?i)upload {reviewer.task.upload_id}\b", answer)


# After the verdict


@pytest.mark.parametrize("kind", KINDS)
def test_within_the_grace_period_every_kind_is_told_the_same(kind: str) -> None:
    verdict = FINAL.get(kind, "benign")
    band, other = served("band"), served(kind)
    for each in (band, other):
        assert each.decide(verdict).status_code == 200
    assert "follow in TIME" in other.toast()
    assert other.toast() == band.toast()


@pytest.mark.parametrize("kind", KINDS)
def test_afterwards_the_words_for_every_kind_are_equally_long(kind: str, settings) -> None:
    band, other = served("band"), served(kind)
    for each in (band, other):
        each.decide(FINAL.get(kind, "benign"))
    settings.GRACE_SECONDS = AFTER
    lengths = [len(re.sub(r"\d+", "#", each.toast())) for each in (band, other)]
    assert "Score 0." in other.toast()
    # An untrusted score has its reason in addition.
    assert abs(lengths[0] - lengths[1]) <= 5 or kind == "untrusted"


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("band", "Score 0.51, band 0.20 to 0.80: score in the review band"),
        ("audit_approve", "Score 0.07, band 0.20 to 0.80: audit of an approved one"),
        ("untrusted", "its score is not trusted; the image has too few pixels"),
        ("gold", "a gold item to check you"),
    ],
)
def test_score_and_reason_come_when_the_grace_period_is_over_and_not_before(kind: str, why: str, settings) -> None:
    reviewer = served(kind)
    reviewer.decide()
    assert "Score 0." not in reviewer.page()
    settings.GRACE_SECONDS = AFTER
    assert why in reviewer.toast()


def test_score_and_reason_wait_while_somebody_else_is_asked(settings) -> None:
    reviewer = served("audit_approve")
    reviewer.decide("violating")
    settings.GRACE_SECONDS = AFTER
    assert "once nobody else is asked about it" in reviewer.toast()
    assert "Score 0." not in reviewer.toast()


# Undo


def test_undo_takes_back_a_skip_before_an_older_verdict() -> None:
    reviewer = served("band")
    reviewer.decide()
    second = factories.make_task()
    factories.make_renditions(second)
    claiming.claim_for(second, moderator=reviewer.user)
    reviewer.client.post(f"/claims/{second.claim_token}/skip/", headers=HTMX)
    assert "with you again" in readable(reviewer.client.post("/undo/", headers=HTMX))
    assert claiming.claimed_task(reviewer.user) == second
    assert not Decision.objects.filter(kind="undo").exists()
    assert Skip.objects.get().taken_back_at is not None


def test_a_skip_whose_upload_somebody_else_holds_is_undone_with_that_message() -> None:
    reviewer = served("band")
    reviewer.post("skip")
    claiming.claim_for(reviewer.task, moderator=factories.make_user("zoe"))
    assert "the upload is not free" in readable(reviewer.client.post("/undo/", headers=HTMX))
    assert claiming.claimed_task(reviewer.user) is None


def test_a_late_undo_says_that_somebody_else_reviews_it(settings) -> None:
    reviewer = served("band")
    reviewer.decide()
    settings.GRACE_SECONDS = AFTER
    assert "someone else reviews the upload" in readable(reviewer.client.post("/undo/", headers=HTMX))
    assert claiming.claimed_task(reviewer.user) is None


# A verdict means a look


@pytest.mark.parametrize("verdict", ["benign", "violating", "cannot_tell"])
def test_a_verdict_on_an_image_that_was_not_revealed_is_asked_again(verdict: str) -> None:
    reviewer = served("band")
    answer = reviewer.decide(verdict, unseen="")
    assert (answer.status_code, answer["HX-Retarget"]) == (422, "#question")
    assert "You have not looked at this upload." in readable(answer)
    assert not Decision.objects.exists()
    assert reviewer.decide(verdict).status_code == 200
    assert not Decision.objects.get().shown["revealed"]


def test_without_javascript_the_page_asks_and_keeps_reason_and_comment() -> None:
    reviewer = served("band")
    content = {"verdict": "violating", "reason": "other", "comment": "a flag"}
    answer = reviewer.client.post(f"/claims/{reviewer.task.claim_token}/decide/", content)
    assert answer.status_code == 422
    for hidden in ('name="unseen" value="confirmed"', 'name="reason" value="other"', 'value="a flag"'):
        assert hidden in answer.content.decode()


def test_a_revealed_image_is_decided_at_once() -> None:
    reviewer = served("band")
    reviewer.post("reveal")
    assert reviewer.decide(unseen="").status_code == 200
    assert Decision.objects.get().shown["revealed"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_policy_can_refuse_verdicts_without_a_look_for_all_its_tasks(kind: str) -> None:
    Policy.objects.update(requires_look=True)
    reviewer = served(kind)
    answer = reviewer.decide()
    assert answer.status_code == 422
    assert "This policy asks for a look before a verdict." in readable(answer)
    assert not Decision.objects.filter(task=reviewer.task).exists()
    reviewer.post("reveal")
    assert reviewer.decide(unseen="").status_code == 200


def test_a_missing_image_refuses_every_verdict_and_records_no_exposure() -> None:
    reviewer = served("band")
    for path in (
        reviewer.task.ranked_frames[0].rendition(reviewer.task.upload.file.sha256, variant="clear").parent.iterdir()
    ):
        path.unlink()
    answer = reviewer.decide()
    assert (answer.status_code, reviewer.post("reveal").status_code) == (409, 409)
    assert "nobody can decide this upload" in readable(answer)
    assert not Decision.objects.exists()
    assert not Exposure.objects.exists()
