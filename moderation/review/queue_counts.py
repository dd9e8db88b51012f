"""How much work waits, and why there may be none for one person although some waits."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Exists, Min, OuterRef, Q
from django.db.models.functions import Now
from django.utils import timezone

from moderation.models.decisions import Decision
from moderation.models.people import User
from moderation.models.queue import Skip, ineligible_for
from moderation.models.review_tasks import ReviewTask


@dataclass(frozen=True, kw_only=True)
class QueueCounts:
    """What every page of a moderator says: undecided tasks, since when the oldest waits, and the person's own day."""

    waiting: int
    oldest: datetime | None
    decided_today: int

    @classmethod
    def of(cls, moderator: User) -> "QueueCounts":
        # Without gold: one more in the count would tell that the task in hand is a gold item.
        tasks = ReviewTask.objects.asked_for().aggregate(waiting=Count("pk"), oldest=Min("opened_at"))
        midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
        mine = (
            Decision.objects.live().verdicts().filter(reviewer=moderator, decided_at__gte=midnight, carried_from=None)
        )
        return cls(decided_today=mine.count(), **tasks)


@dataclass(frozen=True, kw_only=True)
class QueueForModerator:
    """Undecided tasks as they stand to one person; each is counted once."""

    claimable: int
    held_by_others: int
    skipped: int
    for_someone_else: int

    @classmethod
    def of(cls, moderator: User) -> "QueueForModerator":
        closed = ineligible_for(moderator)
        skipped = Q(Exists(Skip.objects.filter(task__screening=OuterRef("screening"), moderator=moderator)))
        free = Q(claimed_by=None) | Q(claim_expires_at__lte=Now()) | Q(claimed_by=moderator)
        return cls(
            **ReviewTask.objects.asked_for().aggregate(
                for_someone_else=Count("pk", filter=closed),
                skipped=Count("pk", filter=~closed & skipped),
                claimable=Count("pk", filter=~closed & ~skipped & free),
                held_by_others=Count("pk", filter=~closed & ~skipped & ~free),
            )
        )
