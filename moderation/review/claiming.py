"""Claiming a task: who gets which one, how long they hold it, and how they give it back.

The database decides every race, on its own clock: a claim is a row that ``SKIP LOCKED`` found unlocked, and every
later step names the claim's token, so that two tabs of one person are told apart.
"""

import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Now, Random

from moderation.models import Decision, Exposure, GoldItem, Policy, ReviewTask, Skip, User
from moderation.models.review_tasks import CLAIM_FIELDS, NOT_CLAIMED, ReviewTaskQuerySet
from moderation.review.claims import Claim, ClaimLost
from moderation.review.eligibility import eligible, queue_of


def claim_next(moderator: User) -> ReviewTask | None:
    """Claim the most urgent free task for ``moderator`` and release the one that they held before.

    Returns:
        None where no task is left that this person may be given.
    """
    with transaction.atomic():
        lock_moderator(moderator)
        release(moderator)
        tasks = eligible(queue_of(moderator, ReviewTask.objects.claimable()), moderator=moderator)
        task = (
            tasks.in_review_order()
            .select_related("policy")
            .select_for_update(skip_locked=True, of=("self",), no_key=True)
            .first()
        )
        if task is not None:
            task = _substitute_gold(task, moderator=moderator) or task
            claim_for(task, moderator=moderator)
        return task


def claimed_task(moderator: User) -> ReviewTask | None:
    """Return the task that ``moderator`` holds now."""
    return ReviewTask.objects.held().filter(claimed_by=moderator).with_upload().first()


def claim_for(task: ReviewTask, *, moderator: User) -> None:
    """Record a claim with a new token. The caller has locked the row, or has just reopened it."""
    ReviewTask.objects.filter(pk=task.pk).update(
        claimed_by=moderator,
        claim_token=Claim.new(task.pk, moderator=moderator).token,
        claimed_at=Now(),
        claim_expires_at=_lease_end(),
    )
    task.refresh_from_db(fields=[*CLAIM_FIELDS, "attempt", "decided_at"])


def release(moderator: User) -> None:
    """Give back the task that ``moderator`` holds."""
    ReviewTask.objects.undecided().filter(claimed_by=moderator).update(**NOT_CLAIMED)


def renew(task: ReviewTask, *, claim: Claim) -> datetime:
    """Hold the task for another lease and return the end of it.

    Raises:
        ClaimLost: the claim does not hold any more.
    """
    if held(task, claim=claim).update(claim_expires_at=_lease_end()) != 1:
        raise ClaimLost(claim_lost_message(task, claim=claim))
    task.refresh_from_db(fields=["claim_expires_at"])
    assert task.claim_expires_at is not None
    return task.claim_expires_at


def reveal(task: ReviewTask, *, claim: Claim) -> Exposure:
    """Record that this person sees the unblurred image, once per claim.

    Raises:
        ClaimLost: the claim does not hold any more. Nothing is written.
    """
    with transaction.atomic():
        if not held(task, claim=claim).select_for_update(no_key=True).exists():
            raise ClaimLost(claim_lost_message(task, claim=claim))
        exposure, _ = Exposure.objects.get_or_create(
            claim_token=claim.token, defaults={"person": claim.moderator, "task": task, "upload": task.upload}
        )
    return exposure


def was_revealed(claim: Claim) -> bool:
    """Return whether the image was revealed under this claim."""
    return Exposure.objects.filter(claim_token=claim.token, person=claim.moderator).exists()


def is_revealed(task: ReviewTask, *, claim: Claim) -> bool:
    """Return whether the clear rendition may be served: the claim holds and its exposure is recorded."""
    return held(task, claim=claim).exists() and Exposure.objects.filter(claim_token=claim.token, task=task).exists()


def skip(task: ReviewTask, *, claim: Claim) -> None:
    """Give the task back and never serve it to this person again.

    Raises:
        ClaimLost: the claim does not hold any more. Nothing is written.
    """
    with transaction.atomic():
        if held(task, claim=claim).update(**NOT_CLAIMED) != 1:
            raise ClaimLost(claim_lost_message(task, claim=claim))
        Skip.objects.live().get_or_create(task=task, moderator=claim.moderator, defaults={"claim_token": claim.token})


def take_back_skips(moderator: User) -> int:
    """Let this person be served the undecided tasks that they skipped, and return how many skips were taken back."""
    undecided = ReviewTask.objects.undecided().values("screening")
    return Skip.objects.live().filter(moderator=moderator, task__screening__in=undecided).update(taken_back_at=Now())


def take_back_skip(skip: Skip) -> ReviewTask | None:
    """Let the person be served the skipped task again, and claim it for them.

    Returns:
        None where the task is decided or held by someone else, or is not for this person any more.
    """
    moderator = skip.moderator
    with transaction.atomic():
        lock_moderator(moderator)
        Skip.objects.live().filter(pk=skip.pk).update(taken_back_at=Now())
        free = eligible(ReviewTask.objects.claimable().filter(pk=skip.task_id), moderator=moderator)
        task = free.select_for_update(skip_locked=True, of=("self",), no_key=True).first()
        if task is not None:
            release(moderator)
            claim_for(task, moderator=moderator)
    return task


def get_claimed(claim: Claim) -> ReviewTask:
    """Return the task that ``claim`` is on, with its upload. Whether the claim still holds, each later step checks.

    Raises:
        ClaimLost: no task's row names this claim any more.
    """
    task = ReviewTask.objects.claimed_by_token(claim.moderator, token=claim.token).with_upload().first()
    if task is None:
        raise ClaimLost(_message_about_old(claim))
    return task


def check_held(task: ReviewTask, *, claim: Claim) -> None:
    """Raises ClaimLost where ``claim`` does not hold the task any more."""
    if not held(task, claim=claim).exists():
        raise ClaimLost(claim_lost_message(task, claim=claim))


def held(task: ReviewTask, *, claim: Claim) -> ReviewTaskQuerySet:
    """Match the task's row while ``claim`` holds it; otherwise match nothing."""
    return ReviewTask.objects.filter(pk=task.pk).held_by(claim.moderator, token=claim.token)


def claim_lost_message(task: ReviewTask, *, claim: Claim) -> str:
    """Explain to the person who held ``claim`` what happened to their task; tell nothing to anybody else.

    The upload is not named: its number would tell which kind of task it is, and the person may be given it again.
    """
    now = ReviewTask.objects.select_related("claimed_by").get(pk=task.pk)
    last = now.decisions.live().verdicts().order_by("-pk").select_related("reviewer").first()
    if now.decided_at and last and last.reviewer == claim.moderator:
        return "You decided this upload already, in another tab or with a double click. Nothing more was saved."
    if now.claimed_by == claim.moderator and now.claim_token != claim.token:
        return "You opened this upload again elsewhere, which ended this view of it. Nothing was saved."
    if not claim.was_on(task.pk):
        return "This is not your claim. Nothing was saved."
    if now.decided_at or now.withdrawn_at:
        return "Your claim on this upload ran out and someone else decided it. Nothing was saved."
    if now.claimed_by and now.claimed_by != claim.moderator:
        return "Your claim on this upload ran out and someone else took it. Nothing was saved."
    return "Your claim on this upload ran out or was given back. Nothing was saved."


def _message_about_old(claim: Claim) -> str:
    """Explain a claim whose token no task's row names any more.

    The person's verdict, skip or reveal under it tells which task it was on. Another person's token is answered like
    one that never existed.
    """
    for rows in (
        Decision.objects.filter(reviewer=claim.moderator),
        Skip.objects.filter(moderator=claim.moderator),
        Exposure.objects.filter(person=claim.moderator, task__isnull=False),
    ):
        row = rows.filter(claim_token=claim.token).select_related("task").first()
        if row is not None and row.task is not None:
            return claim_lost_message(row.task, claim=claim)
    return "Your claim on this upload is over: it ran out, or a newer one replaced it. Nothing was saved."


def lock_moderator(moderator: User) -> None:
    """Make one person's claims happen one after the other, so that two tabs at once do not get two tasks."""
    User.objects.select_for_update(no_key=True).only("pk").get(pk=moderator.pk)


def _lease_end() -> CombinedExpression:
    return Now() + timedelta(seconds=settings.CLAIM_SECONDS)


def _substitute_gold(task: ReviewTask, *, moderator: User) -> ReviewTask | None:
    """Return a gold item's task in the place of ``task``, as often as the policy's rate asks for.

    The item is looked up, and has its task, whatever the coin says: the time of a claim would tell otherwise. The coin
    comes from the system's random numbers, so that nobody can predict it.
    """
    item = _next_gold_item(task.policy, moderator=moderator) if task.policy.gold_rate > 0 else None
    if item is None:
        return None
    gold = _free_gold_task(item)
    if secrets.SystemRandom().random() >= task.policy.gold_rate:
        return None
    # Should it be skipped and come back, it comes at the place of the task that it stands in for.
    ReviewTask.objects.filter(pk=gold.pk).update(priority=task.priority, opened_at=task.opened_at)
    return gold


def _next_gold_item(policy: Policy, *, moderator: User) -> GoldItem | None:
    """Return an item that is new to ``moderator``, the least judged first."""
    judged = Count("screening__decisions", filter=Q(screening__decisions__source=Decision.Source.GOLD))
    items = policy.gold_items.active().new_to(moderator)
    item: GoldItem | None = items.annotate(judged=judged).order_by("judged", Random()).first()
    return item


def _free_gold_task(item: GoldItem) -> ReviewTask:
    """Return a task on ``item`` that nobody holds, locked; a new one where there is none."""
    left = ReviewTask.objects.claimable().filter(kind=ReviewTask.Kind.GOLD, screening=item.screening, attempt=1)
    found = left.select_for_update(skip_locked=True, of=("self",), no_key=True).first()
    return found or ReviewTask.objects.create(
        kind=ReviewTask.Kind.GOLD,
        screening=item.screening,
        upload_id=item.screening.upload_id,
        policy_id=item.policy_id,
    )
