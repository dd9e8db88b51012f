"""The version in force compared with a proposal, on the uploads of the last 28 days. Pure."""

from dataclasses import dataclass

from moderation.models import PolicyVersion
from moderation.routing import Route
from moderation.tuning import ScoreCounts, Shares, step
from reviewqueue.charts.histogram import NARROW, WIDE, Histogram, HistogramRow, ThresholdSteps, histogram, rows

ROUTE_WORDS = {Route.APPROVE: "approved", Route.REVIEW: "reviewed", Route.REJECT: "rejected"}


@dataclass(frozen=True, kw_only=True)
class Side:
    """The effect of one version. ``reviews`` and ``audits`` are means a day."""

    version: PolicyVersion
    shares: Shares
    reviews: float
    audits: float

    @classmethod
    def of(cls, version: PolicyVersion, *, counts: ScoreCounts) -> "Side":
        shares = counts.shares(low=version.low, high=version.high)
        return cls(
            version=version,
            shares=shares,
            reviews=shares.reviews_expected(version.rates) / counts.days,
            audits=shares.audits_expected(version.rates) / counts.days,
        )

    @property
    def pair(self) -> ThresholdSteps:
        return ThresholdSteps(low=step(self.version.low), high=step(self.version.high))

    @property
    def routes(self) -> list[tuple[Route, str, int, float]]:
        """The route, its word, its uploads and their share."""
        return [
            (route, word, getattr(self.shares, route), self.shares.share(route)) for route, word in ROUTE_WORDS.items()
        ]

    @property
    def load(self) -> float | None:
        """Reviews a day as a part of the capacity; None without a limit."""
        capacity = self.version.capacity
        if capacity is None:
            return None
        return self.reviews / capacity if capacity else float("inf")

    @property
    def over(self) -> float:
        """How many reviews a day exceed the capacity; 0 where it suffices."""
        return max(0.0, self.reviews - (self.version.capacity or 0)) if self.load is not None else 0.0


@dataclass(frozen=True, kw_only=True)
class ThresholdComparison:
    """Both versions on the same counts."""

    counts: ScoreCounts
    current: Side
    proposed: Side

    @classmethod
    def of(cls, counts: ScoreCounts, *, current: PolicyVersion, proposed: PolicyVersion) -> "ThresholdComparison":
        return cls(counts=counts, current=Side.of(current, counts=counts), proposed=Side.of(proposed, counts=counts))

    @property
    def routes(self) -> list[tuple[str, int, float, int, float, int]]:
        """For each route its word, uploads and share in force, uploads and share proposed, and change in uploads."""
        pairs = zip(self.current.routes, self.proposed.routes, strict=True)
        return [(word, now, part, then, portion, then - now) for (_, word, now, part), (*_, then, portion) in pairs]

    @property
    def moved(self) -> list[tuple[str, str, int]]:
        """The old route, the new route and the number of uploads of each change, the largest first."""
        one, other = self.current.version, self.proposed.version
        flows = self.counts.moved((one.low, one.high), (other.low, other.high))
        changes = [
            (ROUTE_WORDS[origin], ROUTE_WORDS[to], uploads) for (origin, to), uploads in flows.items() if uploads
        ]
        return sorted(changes, key=lambda change: -change[2])

    @property
    def moved_total(self) -> int:
        return sum(uploads for *_, uploads in self.moved)

    @property
    def changes_something(self) -> bool:
        names = ("low", "high", "audit_rate_approve", "audit_rate_reject", "capacity")
        now, then = self.current.version, self.proposed.version
        return any(getattr(now, name) != getattr(then, name) for name in names)

    @property
    def reviews_change(self) -> float:
        return self.proposed.reviews - self.current.reviews

    @property
    def audits_change(self) -> float:
        return self.proposed.audits - self.current.audits

    @property
    def charts(self) -> list[Histogram]:
        pairs = {"proposed": self.proposed.pair, "in_force": self.current.pair}
        return [histogram(self.counts.bins, frame=frame, **pairs) for frame in (WIDE, NARROW)]

    @property
    def rows(self) -> list[HistogramRow]:
        return rows(self.counts.bins, proposed=self.proposed.pair)
