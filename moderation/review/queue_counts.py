"""How much work is waiting, and why one person may have none although some is.

Every count stops at COUNT_LIMIT: pages ask for them after each verdict, and their cost must not grow with the queue.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min, Q
from django.db.models.functions import Now
from django.utils import timezone

from moderation.bounded_count import COUNT_LIMIT, bounded_count
from moderation.models import Decision, ReviewTask, User
from moderation.review.eligibility import ineligible_for, queue_of, skipped_by


@dataclass(frozen=True, kw_only=True)
class QueueCounts:
    """The figures on a moderator's page: undecided tasks, when the oldest was opened, and the person's day so far."""

    waiting: int
    oldest: datetime | None
    decided_today: int

    @classmethod
    def for_user(cls, moderator: User) -> "QueueCounts":
        # Without the gold item that is claimed: one more in the count would tell that it is one.
        first = queue_of(moderator, ReviewTask.objects.reviewable()).in_review_order()[: COUNT_LIMIT + 1]
        tasks = first.aggregate(waiting=Count("pk"), oldest=Min("opened_at"))
        midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
        mine = (
            Decision.objects.live().verdicts().filter(reviewer=moderator, decided_at__gte=midnight, carried_from=None)
        )
        return cls(decided_today=mine.count(), **tasks)


@dataclass(frozen=True, kw_only=True)
class QueueForModerator:
    """Undecided tasks as one person may or may not claim them; each is counted once."""

    claimable: int
    held_by_others: int
    skipped: int
    for_someone_else: int

    @classmethod
    def for_user(cls, moderator: User) -> "QueueForModerator":
        closed, skipped = ineligible_for(moderator), skipped_by(moderator)
        free = Q(claimed_by=None) | Q(claim_expires_at__lte=Now()) | Q(claimed_by=moderator)
        tasks = queue_of(moderator, ReviewTask.objects.reviewable()).in_review_order()
        # Counted by itself, past any number of tasks that are not for this person: they must find the one that is.
        claimable = bounded_count(tasks.filter(free).exclude(closed).exclude(skipped))
        first = ReviewTask.objects.filter(pk__in=tasks.values("pk")[: COUNT_LIMIT + 1])
        return cls(
            claimable=claimable,
            **first.aggregate(
                for_someone_else=Count("pk", filter=closed),
                skipped=Count("pk", filter=~closed & skipped),
                held_by_others=Count("pk", filter=~closed & ~skipped & ~free),
            ),
        )
