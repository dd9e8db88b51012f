"""Counts of uploads by score and route. They are exact, because no verdict is needed."""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from django.contrib.postgres.fields import ArrayField
from django.db.models import Case, Count, F, FloatField, Func, IntegerField, Min, QuerySet, Subquery, Value, When
from django.db.models.functions import Now

from moderation.models import Policy, PolicyVersion, Screening
from moderation.models.threshold_grid import GRID, GRID_STEPS
from moderation.routing import Rates, Route

WINDOW = timedelta(days=28)


def step(threshold: float) -> int:
    """Return the index of ``threshold`` on the grid, from 0 to GRID_STEPS."""
    return round(threshold * GRID_STEPS)


@dataclass(frozen=True, kw_only=True)
class Shares:
    """The number of uploads that a pair of thresholds sends on each route. Exact, because no label is needed.

    ``untrusted`` of those to review have a score that is not trusted; a person reviews them at any thresholds.
    """

    approve: int
    review: int
    reject: int
    untrusted: int = 0

    @property
    def total(self) -> int:
        return self.approve + self.review + self.reject

    def share(self, route: Route) -> float:
        """Return the share of all uploads that takes ``route``, in [0, 1]; 0 without uploads."""
        count: int = getattr(self, route)
        return count / self.total if self.total else 0.0

    def reviews_expected(self, rates: Rates) -> float:
        """Return the expected number of reviews: the band at its rate, untrusted scores, and audits of both sides."""
        return (self.review - self.untrusted) * rates.review + self.untrusted + self.audits_expected(rates)

    def audits_expected(self, rates: Rates) -> float:
        """Return the expected number of audits of automatic routes."""
        return self.approve * rates.approve + self.reject * rates.reject


@dataclass(frozen=True, kw_only=True)
class ScoreCounts:
    """Uploads by score.

    Attributes:
        bins: GRID_STEPS + 1 counts; bin k holds scores in [GRID[k], GRID[k + 1]), the last bin scores of exactly 1.
        untrusted: uploads with an untrusted score, which a person reviews; not part of ``bins``.
        routed: uploads by the route that they took under the thresholds of their time.
        days: number of days that the counts span, from 1 to the length of WINDOW.
    """

    bins: tuple[int, ...]
    routed: dict[Route, int]
    days: float
    untrusted: int = 0

    @property
    def total(self) -> int:
        return sum(self.bins) + self.untrusted

    @property
    def per_day(self) -> float:
        return self.total / self.days

    def shares(self, *, low: float, high: float) -> Shares:
        """Return the routes that these thresholds would have given: approve below low, reject from high on."""
        first, last = step(low), step(high)
        return Shares(
            approve=sum(self.bins[:first]),
            review=sum(self.bins[first:last]) + self.untrusted,
            reject=sum(self.bins[last:]),
            untrusted=self.untrusted,
        )

    def moved(self, one: tuple[float, float], other: tuple[float, float]) -> dict[tuple[Route, Route], int]:
        """Return the uploads whose route differs between two pairs (low, high), by (route of one, route of other)."""
        edges = sorted({0, len(self.bins), *map(step, one), *map(step, other)})
        found: Counter[tuple[Route, Route]] = Counter()
        for first, last in pairwise(edges):
            ways = _region(first, one), _region(first, other)
            if ways[0] != ways[1]:
                found[ways] += sum(self.bins[first:last])
        return dict(found)


def _region(bin_: int, pair: tuple[float, float]) -> Route:
    low, high = map(step, pair)
    if bin_ < low:
        return Route.APPROVE
    return Route.REJECT if bin_ >= high else Route.REVIEW


class WidthBucket(Func):
    """PostgreSQL's width_bucket, which compares with the grid itself as thresholds do; multiplying would round."""

    function = "width_bucket"
    arity = 2
    output_field = IntegerField()


_GRID = Value(GRID, output_field=ArrayField(FloatField()))


def score_counts(policy: Policy) -> ScoreCounts:
    """Count the live screenings of the last 28 days under the policy's own thresholds, not a community's.

    Only scores of the classifier in force with the preprocessing of its epoch count: other scores do not compare.
    """
    in_force = PolicyVersion.objects.root().in_force().filter(policy=policy)
    screenings = Screening.objects.live().filter(
        policy=policy,
        policy_version__community=None,
        classifier=Subquery(in_force.values("classifier")),
        preprocessing_version=Subquery(in_force.values("epoch__preprocessing_version")),
        created_at__gte=Now() - WINDOW,
    )
    trusted = Case(When(untrusted="", then=WidthBucket(F("score"), _GRID) - 1), default=None)
    bins, routed = Counter[int | None](), Counter[Route]()
    for route, bin_, uploads in screenings.values_list("route", trusted).annotate(uploads=Count("pk")):
        bins[bin_] += uploads
        routed[Route(route)] += uploads
    return ScoreCounts(
        bins=tuple(bins[k] for k in range(GRID_STEPS + 1)),
        untrusted=bins[None],
        routed=dict(routed),
        days=_days_spanned(screenings),
    )


def _days_spanned(screenings: QuerySet[Screening]) -> float:
    age = screenings.aggregate(age=Now() - Min("created_at"))["age"]
    return max(1.0, age / timedelta(days=1)) if age else 1.0
