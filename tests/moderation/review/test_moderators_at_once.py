"""Sixteen moderators over two thousand tasks: no task is decided twice, none is lost."""

import random
import threading
from collections import Counter

import pytest
from django.db import connection

from moderation.models import Decision, Exposure, ReviewTask, User, Verdict
from moderation.review import claiming, deciding
from moderation.review.claims import Claim, ClaimLost
from moderation.verification.outcomes import uploads_have_the_status_of_their_record
from moderation.verification.reviews import decided_tasks_have_one_live_verdict
from tests.factories import expire_claim, make_tasks, make_user

TASKS, MODERATORS = 2000, 16


class Moderator(threading.Thread):
    """Works through the queue, with a share of skips, expired claims, double posts and undos."""

    def __init__(self, user: User, *, seed: int) -> None:
        super().__init__()
        self.user, self.random = user, random.Random(seed)
        self.did: Counter[str] = Counter()
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            while task := claiming.claim_next(self.user):
                self.handle(task)
        except BaseException as error:  # noqa: BLE001  (raised again by the test)
            self.failure = error
        finally:
            connection.close()

    def handle(self, task: ReviewTask) -> None:
        claim, chance = Claim.from_task(task), self.random.random()
        assert claim is not None
        if chance < 0.04:
            claiming.skip(task, claim=claim)
            self.did["skipped"] += 1
        elif chance < 0.08:
            self.let_expire(task, claim)
        else:
            self.decide(task, claim)

    def let_expire(self, task: ReviewTask, claim: Claim) -> None:
        expire_claim(task)
        with pytest.raises(ClaimLost):
            deciding.decide(task, Verdict.BENIGN, claim=claim)
        self.did["expired"] += 1

    def decide(self, task: ReviewTask, claim: Claim) -> None:
        claiming.reveal(task, claim=claim)
        verdict = self.random.choices(list(Verdict), weights=[5, 14, 1])[0]
        deciding.decide(task, verdict, claim=claim, reason="nudity")
        self.did["decided"] += 1
        if self.random.random() < 0.25:
            self.post_again(task, claim)

    def post_again(self, task: ReviewTask, claim: Claim) -> None:
        with pytest.raises(ClaimLost):
            deciding.decide(task, Verdict.BENIGN, claim=claim)
        self.did["posted twice"] += 1


@pytest.mark.lengthy
@pytest.mark.django_db(transaction=True)
def test_sixteen_moderators_at_once() -> None:
    make_tasks(TASKS)
    leads = [make_user(f"lead-{n}", group="lead") for n in range(4)]
    moderators = leads + [make_user(f"moderator-{n}") for n in range(MODERATORS - len(leads))]
    threads = [Moderator(user, seed=seed) for seed, user in enumerate(moderators)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [thread.failure for thread in threads] == [None] * MODERATORS
    did = sum((thread.did for thread in threads), Counter[str]())
    finish_what_is_left()
    assert min(did["skipped"], did["expired"], did["posted twice"]) > 0
    assert ReviewTask.objects.undecided().count() == 0
    assert ReviewTask.objects.filter(round=1).count() == TASKS
    assert Decision.objects.count() == ReviewTask.objects.count() == Exposure.objects.count()
    assert list(decided_tasks_have_one_live_verdict()) == []
    assert list(uploads_have_the_status_of_their_record()) == []


def finish_what_is_left() -> None:
    """The queue can be empty for everybody while the last second opinions need a person who has left already."""
    for number in range(3):
        latecomer = make_user(f"latecomer-{number}", group="lead")
        while task := claiming.claim_next(latecomer):
            assert Claim.from_task(task) is not None
            claiming.reveal(task, claim=Claim.from_task(task))
            deciding.decide(task, Verdict.BENIGN, claim=Claim.from_task(task))


@pytest.mark.django_db(transaction=True)
def test_two_decisions_at_the_same_moment_make_one() -> None:
    user = make_user()
    make_tasks(1)
    task = claiming.claim_next(user)
    assert task is not None
    claim, barrier, outcomes = Claim.from_task(task), threading.Barrier(8), []
    assert claim is not None

    def decide() -> None:
        barrier.wait()
        try:
            deciding.decide(ReviewTask.objects.get(pk=task.pk), Verdict.BENIGN, claim=claim)
            outcomes.append("decided")
        except ClaimLost:
            outcomes.append("lost")
        finally:
            connection.close()

    threads = [threading.Thread(target=decide) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["decided"] + ["lost"] * 7
    assert Decision.objects.count() == 1
