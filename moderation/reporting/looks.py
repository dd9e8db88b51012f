"""How people looked at what they were asked about: unseen, very fast and skipped shares, of everybody together."""

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, Q
from django.db.models.functions import Now

from moderation.models import Decision, Skip

LOOK_BACK = timedelta(days=1)
# From the claim to the verdict: nobody reads a policy and looks at a picture in less.
VERY_FAST_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class LookCounts:
    """Verdicts and skips of the last 24 hours, of everybody together. ``unseen`` were given without a reveal."""

    verdicts: int
    unseen: int
    very_fast: int
    skipped: int

    @classmethod
    def lately(cls) -> "LookCounts":
        # Uses decision_given_idx; one day of verdicts.
        given = Decision.objects.given_by_people().filter(decided_at__gt=Now() - LOOK_BACK)
        counts = given.aggregate(
            verdicts=Count("pk"),
            unseen=Count("pk", filter=Q(shown__revealed=False)),
            very_fast=Count("pk", filter=Q(seconds_spent__lt=VERY_FAST_SECONDS)),
        )
        # Uses skip_live_idx; one day of skips.
        return cls(**counts, skipped=Skip.objects.live().filter(created_at__gt=Now() - LOOK_BACK).count())

    @property
    def asked(self) -> int:
        """How many tasks people settled: verdicts and skips."""
        return self.verdicts + self.skipped

    @property
    def unseen_share(self) -> float:
        return self.unseen / self.verdicts if self.verdicts else 0.0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
