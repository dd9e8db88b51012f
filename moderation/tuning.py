"""From what was screened to where thresholds belong: exact counts, drafts, and putting a version in force.

Counts need no verdict, so they are exact; error rates need verdicts and are not told here.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import transaction
from django.db.models import Count, F, FloatField, Func, IntegerField, Max, Min, QuerySet, Value
from django.db.models.functions import Now

from moderation.models import Decision, Policy, PolicyVersion, Screening, User
from moderation.models.policies import CONTENT, GRID, GRID_STEPS, PolicyVersionQuerySet
from moderation.routing import Rates, Route, SamplingReason

WINDOW = timedelta(days=28)


class PublishedMeanwhile(Exception):
    """Another version was put in force since the person looked. Nothing was saved."""


def step(threshold: float) -> int:
    """Where ``threshold`` lies on the grid: 0 to GRID_STEPS."""
    return round(threshold * GRID_STEPS)


@dataclass(frozen=True, kw_only=True)
class Shares:
    """How many uploads a pair of thresholds sends each way. Exact: no label is needed."""

    approve: int
    review: int
    reject: int

    @property
    def total(self) -> int:
        return self.approve + self.review + self.reject

    def share(self, route: Route) -> float:
        """The part of all uploads that takes ``route``, in [0, 1]; 0 without uploads."""
        count: int = getattr(self, route)
        return count / self.total if self.total else 0.0

    def looks(self, rates: Rates) -> float:
        """Expected human looks: the band at its rate, and the audits on both sides."""
        return self.review * rates.review + self.audits(rates)

    def audits(self, rates: Rates) -> float:
        return self.approve * rates.approve + self.reject * rates.reject


@dataclass(frozen=True, kw_only=True)
class ScoreCounts:
    """Uploads by score.

    Attributes:
        bins: GRID_STEPS + 1 counts; bin k holds scores in [GRID[k], GRID[k + 1]), the last one scores of exactly 1.
        routed: uploads by the route that they took, under the thresholds of their own time.
        days: how many days the counts span, from 1 to those of WINDOW.
    """

    bins: tuple[int, ...]
    routed: dict[Route, int]
    days: float

    @property
    def total(self) -> int:
        return sum(self.bins)

    @property
    def per_day(self) -> float:
        return self.total / self.days

    def shares(self, *, low: float, high: float) -> Shares:
        """What these thresholds would have done: approve below low, reject from high."""
        first, last = step(low), step(high)
        return Shares(approve=sum(self.bins[:first]), review=sum(self.bins[first:last]), reject=sum(self.bins[last:]))

    def moved(self, one: tuple[float, float], other: tuple[float, float]) -> dict[tuple[Route, Route], int]:
        """Uploads that two pairs (low, high) send different ways, by (route under one, route under the other)."""
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
    """PostgreSQL's width_bucket: compares with the grid itself, as the thresholds do; a product would round."""

    function = "width_bucket"
    arity = 2
    output_field = IntegerField()


_GRID = Value(GRID, output_field=ArrayField(FloatField()))


def score_counts(policy: Policy) -> ScoreCounts:
    """The live screenings of the last 28 days that go by the policy's own thresholds, not by a community's."""
    screenings = Screening.objects.live().filter(
        policy=policy, policy_version__community=None, created_at__gte=Now() - WINDOW
    )
    rows = screenings.values("route", bin=WidthBucket(F("score"), _GRID) - 1).annotate(uploads=Count("pk"))
    bins, routed = Counter[int](), Counter[Route]()
    for row in rows:
        bins[row["bin"]] += row["uploads"]
        routed[Route(row["route"])] += row["uploads"]
    return ScoreCounts(
        bins=tuple(bins[k] for k in range(GRID_STEPS + 1)), routed=dict(routed), days=_days_spanned(screenings)
    )


def _days_spanned(screenings: QuerySet[Screening]) -> float:
    age = screenings.aggregate(age=Now() - Min("created_at"))["age"]
    return max(1.0, age / timedelta(days=1)) if age else 1.0


def in_force(policy: Policy) -> PolicyVersion:
    return _roots(policy).in_force().select_related("policy", "classifier", "epoch", "published_by").get()


def draft_of(policy: Policy) -> PolicyVersion | None:
    """The policy's open draft; there is one at most, because save_draft() takes turns."""
    return _roots(policy).filter(state=PolicyVersion.State.DRAFT).select_related("created_by").first()


def proposed(current: PolicyVersion, **changes: Any) -> PolicyVersion:
    """What publishing ``changes`` would put in force, without saving anything."""
    content = {name: getattr(current, name) for name in CONTENT} | changes
    return PolicyVersion(policy=current.policy, number=current.number + 1, **content)


@transaction.atomic
def save_draft(policy: Policy, *, by: User, why: str, **changes: Any) -> PolicyVersion:
    """Keep ``changes`` to the version in force as the policy's one open draft, and return it."""
    _take_turns(policy)
    current, draft = in_force(policy), draft_of(policy)
    if draft is None:
        return current.copy_as_draft(by=by, why=why, **changes)
    # All else comes from what is in force now, which may be newer than the draft.
    content = {name: getattr(current, name) for name in CONTENT} | changes
    newest = _roots(policy).exclude(pk=draft.pk).aggregate(number=Max("number"))["number"]
    draft.number = max(draft.number, newest + 1)
    for name, value in {**content, "why": why, "created_by": by}.items():
        setattr(draft, name, value)
    draft.save(update_fields=[*content, "number", "why", "created_by"])
    return draft


@transaction.atomic
def publish(policy: Policy, *, by: User, why: str, seen: int, **changes: Any) -> PolicyVersion:
    """Put the version in force with ``changes`` in its place; the next pre-screen uses it.

    ``seen`` is the primary key of the version that was in force when the person looked.

    Raises:
        PublishedMeanwhile: another version is in force by now. Nothing was saved.
    """
    _check_unchanged(policy, seen=seen)
    draft = save_draft(policy, by=by, why=why, **changes)
    draft.publish(by=by, why=why)
    return draft


@transaction.atomic
def roll_back(version: PolicyVersion, *, by: User, why: str, seen: int) -> PolicyVersion:
    """Put a new version with an old one's content in force.

    Raises:
        PublishedMeanwhile: another version is in force by now. Nothing was saved.
    """
    _check_unchanged(version.policy, seen=seen)
    draft = version.copy_as_draft(by=by)
    draft.publish(by=by, why=why)
    return draft


def _roots(policy: Policy) -> PolicyVersionQuerySet:
    return PolicyVersion.objects.root().filter(policy=policy)


def _take_turns(policy: Policy) -> None:
    """Everybody who drafts or publishes for this policy queues up here, as PolicyVersion.publish() does."""
    Policy.objects.select_for_update().get(pk=policy.pk)


def _check_unchanged(policy: Policy, *, seen: int) -> None:
    _take_turns(policy)
    current = in_force(policy)
    if current.pk != seen:
        raise PublishedMeanwhile(
            f"Version {current.number} (low {current.low:.2f}, high {current.high:.2f}) was put in force by "
            f"{current.published_by or 'the installation'} since you opened this page. Nothing was saved. "
            "Compare your numbers with it, then publish again."
        )


def audit_verdicts(version: PolicyVersion) -> dict[SamplingReason, int]:
    """Conclusive verdicts on audits of the version's epoch so far, by why the coin asked for them."""
    decisions = Decision.objects.live().conclusive().filter(screening__epoch=version.epoch)
    rows = decisions.values_list("screening__sampling_reason").annotate(uploads=Count("screening", distinct=True))
    found = {SamplingReason(reason): uploads for reason, uploads in rows}
    return {reason: found.get(reason, 0) for reason in (SamplingReason.AUDIT_APPROVE, SamplingReason.AUDIT_REJECT)}
