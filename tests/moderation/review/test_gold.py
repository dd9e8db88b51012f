"""Gold items: served blind in the ordinary queue, without effect, never a label; they measure missed violations."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from moderation.models import Decision, Effect, GoldItem, LedgerRow, Policy, ReviewTask, Screening, Upload, User
from moderation.review import claiming, deciding, gold
from moderation.review.claims import Claim
from moderation.review.queue_counts import QueueCounts, QueueForModerator
from moderation.review.tallies import tally
from moderation.tuning.agreement import measure_agreement
from moderation.tuning.rollup import differences, roll_up
from moderation.tuning.versions import put_in_force
from moderation.verification import RULES
from tests import factories
from tests.factories import decide_claimed

pytestmark = pytest.mark.django_db
MANY = 80


@pytest.fixture(autouse=True)
def often(settings) -> None:
    settings.GRACE_SECONDS = 0
    Policy.objects.update(gold_rate=0.5)


@pytest.fixture
def people() -> list[User]:
    return [factories.make_user(f"person-{n}") for n in range(4)]


def marked(truth: str = "violating", *, score: float = 0.05, u: float = 0.999, by: User | None = None) -> Screening:
    """An upload that the machine decided, with its right verdict."""
    screening = factories.make_screening(score=score, u=u)
    gold.mark(screening.upload, truth=truth, why="Three leads agreed.", by=by)
    return screening


def gold_for(person: User) -> ReviewTask | None:
    """Claim from the ordinary queue until the coin falls on gold, which it does half of the time."""
    for _ in range(MANY):
        task = claiming.claim_next(person)
        if task is not None and task.kind == "gold":
            return task
    return None


def judge(person: User, verdict: str) -> Decision:
    task = gold_for(person)
    assert task is not None
    return decide_claimed(task, verdict)


def test_a_verdict_on_gold_changes_nothing_about_the_upload(people) -> None:
    factories.make_task(score=0.5)
    screening = marked()
    before = tally(screening)
    decision = judge(people[0], "violating")
    assert (decision.source, decision.screening) == ("gold", screening)
    assert tally(screening) == before
    assert not Effect.objects.filter(decision=decision).exists()
    assert Upload.objects.get(pk=screening.upload_id).status == "approved"
    assert ReviewTask.objects.undecided().filter(kind="screening").count() == 1
    record = [rule for rule in RULES if "status" in rule or "effect" in rule or "live verdict" in rule]
    assert [found for rule in record for found in RULES[rule]()] == []


def test_gold_is_no_label_and_does_not_hinder_the_coins(people) -> None:
    factories.make_task(score=0.5)
    drawn = factories.make_task(score=0.05, u=0.0).screening
    claiming.claim_for(drawn.tasks.get(), moderator=people[0])
    task = drawn.tasks.get()
    deciding.decide(task, "benign", claim=Claim.from_task(task))
    gold.mark(drawn.upload, truth="benign", why="Plain.", by=None)
    judge(people[1], "violating")
    roll_up()
    assert differences() == []
    assert [(row.labelled, row.violating) for row in LedgerRow.objects.filter(region="approve")] == [(1, 0)]
    assert measure_agreement(drawn.epoch).files == 1


@pytest.mark.parametrize("rate", [0.0, 0.5])
def test_gold_comes_as_often_as_the_policy_says_and_never_without_other_work(people, rate: float) -> None:
    marked()
    Policy.objects.update(gold_rate=rate)
    assert gold_for(people[0]) is None
    factories.make_task(score=0.5)
    assert (gold_for(people[0]) is not None) == (rate > 0)


def test_nobody_meets_an_item_twice_nor_one_that_they_marked_or_judged_before(people) -> None:
    factories.make_tasks(5)
    marked(by=people[0])
    assert gold_for(people[0]) is None
    judge(people[1], "benign")
    assert gold_for(people[1]) is None
    again = factories.make_task(score=0.5).screening
    claiming.claim_for(again.tasks.get(), moderator=people[2])
    task = again.tasks.get()
    deciding.decide(task, "benign", claim=Claim.from_task(task))
    GoldItem.objects.all().update(retired_at="2026-01-01T00:00Z", why_retired="Only the next one.")
    gold.mark(again.upload, truth="benign", why="Plain.", by=None)
    assert gold_for(people[2]) is None
    assert gold_for(people[3]) is not None


def test_who_skips_gold_does_not_meet_it_again_and_it_stays_for_others(people) -> None:
    factories.make_tasks(2)
    marked()
    task = gold_for(people[0])
    assert task is not None
    claiming.skip(task, claim=Claim.from_task(task))
    assert gold_for(people[0]) is None
    assert gold_for(people[1]) == task


def test_gold_that_is_left_over_is_nobodys_work(people) -> None:
    waiting = factories.make_task(score=0.5)
    marked()
    left = gold_for(people[0])
    assert left is not None
    claiming.skip(left, claim=Claim.from_task(left))
    Policy.objects.update(gold_rate=0)
    assert claiming.claim_next(people[1]) == waiting
    assert claiming.claim_next(people[0]) is None


def test_a_skipped_gold_item_is_counted_and_comes_back_like_any_other_skipped_task(people) -> None:
    waiting = factories.make_task(score=0.5)
    marked()
    skipped = gold_for(people[0])
    assert skipped is not None
    claiming.skip(skipped, claim=Claim.from_task(skipped))
    Policy.objects.update(gold_rate=0)
    before = QueueCounts.for_user(people[1]).waiting
    assert QueueForModerator.for_user(people[0]).skipped == 1
    assert QueueCounts.for_user(people[0]).waiting == before + 1
    assert claiming.take_back_skips(people[0]) == 1
    assert claiming.claim_next(people[0]) == waiting
    claiming.skip(waiting, claim=Claim.from_task(ReviewTask.objects.get(pk=waiting.pk)))
    assert claiming.claim_next(people[0]) == skipped
    skipped.refresh_from_db()
    assert skipped.opened_at == waiting.opened_at, "so that it comes back at the place of the one it stood in for"


@pytest.mark.parametrize("undone", [False, True])
def test_a_skipped_gold_item_counts_as_one_that_the_person_could_not_tell(people, undone: bool) -> None:
    factories.make_task(score=0.5)
    marked()
    task = gold_for(people[0])
    assert task is not None
    claiming.skip(task, claim=Claim.from_task(task))
    if undone:
        claiming.take_back_skips(people[0])
    policy = factories.default_policy()
    assert gold.gold_results(policy).unsure == gold.gold_results(policy, reviewer=people[0]).unsure == int(not undone)
    assert gold.gold_results(policy, reviewer=people[1]).unsure == 0


def test_results_wait_for_the_end_of_the_grace_period(people, settings) -> None:
    settings.GRACE_SECONDS = 600
    factories.make_task(score=0.5)
    marked("violating")
    judge(people[0], "benign")
    assert gold.gold_results(factories.default_policy()).violating == 0
    settings.GRACE_SECONDS = 0
    assert gold.gold_results(factories.default_policy()).missed == 1


def test_a_claim_looks_for_a_gold_item_whatever_the_coin_says(people) -> None:
    factories.make_task(score=0.5)
    marked()
    Policy.objects.update(gold_rate=1e-9)
    with CaptureQueriesContext(connection) as captured:
        assert claiming.claim_next(people[0]).kind == "screening"
    assert any("moderation_golditem" in query["sql"] for query in captured)
    assert ReviewTask.objects.get(kind="gold").claimed_by is None, "it is made, and left for somebody else"


def test_gold_in_hand_does_not_change_what_waits(people) -> None:
    factories.make_tasks(3)
    marked()
    before = QueueCounts.for_user(people[0]).waiting
    assert gold_for(people[0]) is not None
    assert QueueCounts.for_user(people[0]).waiting == before == 3


def test_who_may_read_the_list_of_gold_is_not_measured_with_it() -> None:
    factories.make_tasks(2)
    marked()
    assert gold_for(factories.make_user("ada", group="admin")) is None


def test_an_undone_verdict_does_not_take_the_first_one_from_somebody_else(people) -> None:
    factories.make_task(score=0.5)
    marked("violating")
    task = judge(people[0], "benign").task
    deciding.undo(task, by=people[0])
    claiming.release(people[0])
    judge(people[1], "benign")
    assert gold.gold_results(factories.default_policy(), reviewer=people[1]).missed == 1


def test_gold_in_hand_leaves_what_nobody_could_tell_as_it_stood() -> None:
    leads = [factories.make_user(f"lead-{n}", group="lead") for n in range(5)]
    upload = factories.make_task(score=0.5).upload
    for lead in leads[:3]:
        task = claiming.claim_next(lead)
        deciding.decide(task, "cannot_tell", claim=Claim.from_task(task))
    gold.mark(upload, truth="benign", why="Plain.", by=None)
    stood = Upload.objects.get(pk=upload.pk).status
    factories.make_tasks(2)
    assert gold_for(leads[3]) is not None
    judge(leads[4], "benign")
    assert Upload.objects.get(pk=upload.pk).status == stood == "rejected"


def test_the_first_verdict_is_measured_also_where_it_was_undone(people, settings) -> None:
    settings.GRACE_SECONDS = 600
    factories.make_task(score=0.5)
    marked("violating")
    missed = judge(people[0], "benign")
    deciding.undo(missed.task, by=people[0])
    task = claiming.claimed_task(people[0])
    assert task is not None
    deciding.decide(task, "violating", claim=Claim.from_task(task), reason="nudity")
    settings.GRACE_SECONDS = 0
    found = gold.gold_results(factories.default_policy())
    assert (found.violating, found.missed) == (1, 1)


def test_results_are_pooled_and_each_persons_own(people) -> None:
    factories.make_task(score=0.5)
    marked("violating")
    for person, verdict in zip(people, ("benign", "violating", "cannot_tell"), strict=False):
        judge(person, verdict)
    marked("benign")
    judge(people[0], "violating")
    policy = factories.default_policy()
    found = gold.gold_results(policy)
    assert (found.violating, found.missed, found.benign, found.alarms, found.unsure) == (2, 1, 1, 1, 1)
    assert found.miss_limits == pytest.approx((0.0945, 0.9055), abs=1e-4)
    own = gold.gold_results(policy, reviewer=people[1])
    assert (own.violating, own.missed, own.benign) == (1, 0, 0)
    assert gold.gold_results(policy, reviewer=people[3]).miss_share is None


def test_another_policy_text_puts_gold_out_of_use(people) -> None:
    factories.make_task(score=0.5)
    marked()
    judge(people[0], "benign")
    put_in_force(
        factories.version_in_force().copy_as_draft(by=None, text="Statues are allowed."), by=None, why="Statues."
    )
    assert gold_for(people[1]) is None
    assert gold.gold_results(factories.default_policy()).violating == 0


def test_what_is_retired_counts_no_longer_and_is_not_handed_out(people) -> None:
    factories.make_task(score=0.5)
    marked()
    judge(people[0], "benign")
    task = gold_for(people[1])
    assert task is not None
    claiming.skip(task, claim=Claim.from_task(task))
    gold.retire(GoldItem.objects.get(), why="It was doubtful after all.")
    assert gold_for(people[2]) is None
    assert gold.gold_results(factories.default_policy()).violating == 0
    with pytest.raises(gold.NotGold, match="out of use already"):
        gold.retire(GoldItem.objects.get(), why="Again.")


def test_only_what_is_decided_can_be_gold_and_only_once() -> None:
    with pytest.raises(gold.NotGold, match="only decided uploads"):
        gold.mark(factories.make_task(score=0.5).upload, truth="benign", why="Plain.", by=None)
    with pytest.raises(gold.NotGold, match="waits for somebody"):
        gold.mark(factories.make_task(score=0.05).upload, truth="benign", why="Plain.", by=None)
    screening = marked()
    with pytest.raises(gold.NotGold, match="gold item already"):
        gold.mark(screening.upload, truth="benign", why="Plain.", by=None)
    assert GoldItem.objects.count() == 1


def test_the_command_marks_measures_and_retires(people, capsys) -> None:
    factories.make_task(score=0.5)
    upload = factories.make_screening(score=0.05).upload_id
    by = ["--by", people[1].username]
    call_command("gold", "mark", str(upload), "--truth", "violating", "--why", "Beyond doubt.", *by)
    assert GoldItem.objects.get().marked_by == people[1]
    call_command("gold", "rate", "0.5")
    judge(people[0], "benign")
    capsys.readouterr()
    call_command("gold", "results", "--json")
    told = json.loads(capsys.readouterr().out)
    assert told["items"] == 1
    assert (told["miss_share"]["value"], told["miss_share"]["n"]) == (1.0, 1)
    call_command("gold", "retire", str(upload), "--why", "Enough.")
    capsys.readouterr()
    call_command("gold", "results")
    assert "There are no verdicts yet to estimate the share of violations that are missed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["mark", "999999", "--truth", "benign", "--why", "Plain."], "There is no upload 999999"),
        (["retire", "999999", "--why", "Plain."], "is not an active gold item"),
        (["rate", "0.1", "--by", "nobody"], "--by nobody: there is no such account"),
        (["rate", "0.9"], "rate is 0.9; write a probability from 0 to 0.5"),
        (["--policy", "none", "results"], "no such policy is in force"),
    ],
)
def test_the_command_says_what_is_wrong(words: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        call_command("gold", *words)
