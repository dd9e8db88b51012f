"""Which thresholds to recommend: the cheapest certified pair whose work fits the capacity."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce
from operator import add
from typing import Literal

import numpy as np
import numpy.typing as npt

from moderation.statistics import checks
from moderation.statistics.calibration import smoothed_rates
from moderation.statistics.checks import Floats, Numbers
from moderation.statistics.costs import AuditRates, Costs, cost_10k, optimal_thresholds, pair_costs, pair_work
from moderation.statistics.guarantee import RESPONSE_NEEDED, clean_checks_needed, fixed_sequence
from moderation.statistics.ledger import Ledger
from moderation.statistics.risks import Risk, counts_for, falls_below_floor, pair_at, verdicts

__all__ = [
    "AuditRates",
    "Binding",
    "Costs",
    "Option",
    "Recommendation",
    "Workload",
    "cost_10k",
    "optimal_thresholds",
    "recommend",
]

Bins = npt.NDArray[np.bool_]
Binding = Literal["leak", "miss", "escapes", "wrongful", "capacity", "response", "labels", "no target", "start"]

LOW_RISKS: tuple[Risk, ...] = ("leak", "miss", "escapes")
HIGH_RISKS: tuple[Risk, ...] = ("wrongful",)


@dataclass(frozen=True)
class Workload:
    """What a recommendation stands on besides the ledger.

    Args:
        audits: the coin's rates for automatic routes.
        daily: uploads by day and bin, shape (days, bins): the last 28 days. Needed for a capacity.
        doubted: uploads by day that a person looks at whatever their score, shape (days,); not part of ``daily``.
        start: (low, high) in force when the epoch opened; by default those in force now.
        pi_floor: by risk, as declared when the epoch opened; by default the audit rate of its side.
        delta: 1 - confidence of each certificate.
    """

    audits: AuditRates
    daily: Numbers | None = None
    doubted: Numbers | None = None
    start: tuple[float, float] | None = None
    pi_floor: Mapping[Risk, float] = field(default_factory=dict)
    delta: float = 0.05

    def floor(self, risk: Risk) -> float:
        return self.pi_floor.get(risk, self.audits.reject if risk == "wrongful" else self.audits.approve)


@dataclass(frozen=True)
class Option:
    """A pair of thresholds, its cost per 10,000 uploads and its looks a day (90th percentile)."""

    low: float
    high: float
    cost_10k: float
    work: float | None


@dataclass(frozen=True)
class Recommendation:
    """What to set, or why nothing can be recommended (``best`` is None).

    ``binding`` names what keeps ``best`` from the cheapest pair of the whole grid, or what
    refuses; ``short_by`` says by how much: for a risk the clean audits missing at the
    cheaper threshold that is not certified (in a refusal, at the starting threshold), for
    "capacity" the looks a day above it, for "response" the verdicts missing. "no target"
    means that a side keeps its threshold in force because nothing was asked of it; "start"
    that the cheaper threshold lies before the sequence, so that only a new epoch could begin
    there; "labels" that no bin has any.
    """

    best: Option | None
    binding: Binding | None
    short_by: float | None = None


def recommend(  # noqa: PLR0913, PLR0917 (what an admin sets, and where)
    ledger: Ledger | Sequence[Ledger],
    costs: Costs,
    targets: Mapping[Risk, float],
    capacity: float | None,
    in_force: tuple[float, float],
    situation: Workload | None = None,
) -> Recommendation:
    """Recommend the cheapest pair inside certified low x certified high that fits the capacity.

    A side without a target keeps its threshold in force: nothing certifies another.

    Args:
        ledger: closed days, in one or in order (then the running maximum of E counts).
        costs: of an escape, a wrongful rejection and a look.
        targets: the certificate asked for, by risk ("leak", "miss", "escapes", "wrongful").
        capacity: looks a day that people can do; None for any number.
        in_force: (low, high) now.
        situation: audit rates, recent days, starting thresholds; by default what the ledger tells (``situation_of``).

    Raises:
        ValueError: thresholds that are not on edges, a capacity without the days to check it.
    """
    days = [ledger] if isinstance(ledger, Ledger) else list(ledger)
    if not days:
        raise checks.refusal("ledger", days, accepted="give a ledger, or at least one closed day")
    situation = situation or situation_of(days, in_force)
    desk = _Search(days, targets, in_force, situation)
    rates = smoothed_rates(desk.total, in_force[0])
    if not rates.size:
        return Recommendation(best=None, binding="labels")
    if (refused := desk.first_refused()) is not None:
        return desk.refusal(refused)
    cost = pair_costs(desk.total, costs, situation.audits, rates=rates)
    work = _work(situation, capacity=capacity, rates=rates)
    return _cheapest(desk, cost=cost, work=work, capacity=capacity)


def situation_of(days: Sequence[Ledger], in_force: tuple[float, float]) -> Workload:
    """What closed days tell of their own: audit rates are the least pi of each automatic side, 1 where it is empty.

    Each of several ledgers is taken for a day of work; one alone says nothing of days.
    """
    total = reduce(add, days)
    low, _, high = total.regions(*in_force)
    approve, reject = (float(total.pi[side.uploads > 0].min(initial=1.0)) for side in (low, high))
    daily = np.stack([day.uploads.sum(axis=1) for day in days]) if len(days) > 1 else None
    return Workload(AuditRates(approve, reject), daily=daily)


@dataclass(frozen=True)
class _Search:
    """One question on the desk: which thresholds of the grid each target certifies."""

    days: Sequence[Ledger]
    targets: Mapping[Risk, float]
    in_force: tuple[float, float]
    situation: Workload

    @cached_property
    def total(self) -> Ledger:
        return reduce(add, self.days)

    @property
    def start(self) -> tuple[float, float]:
        return self.situation.start or self.in_force

    @cached_property
    def certified(self) -> dict[Risk, Bins]:
        """Which edges are certified for each target, shape (edges,)."""
        return {risk: self._certified(risk) for risk in self.targets}

    def _certified(self, risk: Risk) -> Bins:
        first = self.start[1] if risk == "wrongful" else self.start[0]
        found = fixed_sequence(
            self.days, risk, first, self.targets[risk], self.situation.floor(risk), self.situation.delta
        )
        certified = np.isin(self.total.edges, found)
        if risk in {"miss", "escapes"}:  # monotone: what holds at a low holds at every smaller one
            certified = np.logical_or.accumulate(certified[::-1])[::-1]
        return certified

    def first_refused(self) -> Risk | None:
        return next((risk for risk in self.targets if not self.certified[risk].any()), None)

    def allowed(self, *, risks: Sequence[Risk], kept: float) -> Bins:
        """Edges certified for each of the targets among ``risks``; only ``kept`` where there is none."""
        asked = [self.certified[risk] for risk in risks if risk in self.targets]
        return np.logical_and.reduce(asked) if asked else np.isclose(self.total.edges, kept, atol=1e-9)

    def missing_checks(self, risk: Risk, threshold: float) -> int | None:
        """Clean audits that would certify ``risk`` at ``threshold``; None below the floor of pi."""
        low, high = pair_at(self.total, risk, threshold)
        target, floor, delta = self.targets[risk], self.situation.floor(risk), self.situation.delta
        if falls_below_floor(self.total, risk, low, high, pi_floor=floor):
            return None
        bad, good = counts_for(self.total, risk, low, high)
        return clean_checks_needed(bad, good, self.total.pi, target, floor, delta)

    def refusal(self, risk: Risk) -> Recommendation:
        start = self.start[1] if risk == "wrongful" else self.start[0]
        labelled, drawn = verdicts(self.total, risk, *pair_at(self.total, risk, start))
        if labelled < RESPONSE_NEEDED * drawn:
            return Recommendation(None, "response", short_by=math.ceil(RESPONSE_NEEDED * drawn - labelled))
        return Recommendation(None, risk, short_by=self.missing_checks(risk, start))

    def bound_by(self, edge: int, *, risks: Sequence[Risk]) -> tuple[Binding, float | None]:
        """Which of ``risks`` keeps a threshold from ``edge``, and how many clean audits are missing."""
        asked = [risk for risk in risks if risk in self.targets]
        if not asked:
            return "no target", None
        wanted, (first_low, first_high) = float(self.total.edges[edge]), self.start
        if wanted > first_high if risks == HIGH_RISKS else wanted < first_low:
            return "start", None
        risk = next((risk for risk in asked if not self.certified[risk][edge]), asked[0])
        return risk, self.missing_checks(risk, wanted)


def _work(situation: Workload, *, capacity: float | None, rates: Floats) -> Floats | None:
    if situation.daily is None:
        if capacity is not None:
            raise checks.refusal("daily", None, accepted="give uploads by day and bin: a capacity needs them")
        return None
    daily = checks.counts("daily", situation.daily)
    if daily.ndim != 2 or not len(daily) or daily.shape[1] != rates.size:
        raise checks.refusal("daily.shape", daily.shape, accepted=f"give (days, bins) with {rates.size} bins")
    doubted = None if situation.doubted is None else checks.counts("doubted", situation.doubted)
    if doubted is not None and doubted.shape != daily.shape[:1]:
        raise checks.refusal("doubted.shape", doubted.shape, accepted=f"give one count for each of {len(daily)} days")
    return pair_work(daily, situation.audits, rates=rates, doubted=doubted)


def _cheapest(desk: _Search, *, cost: Floats, work: Floats | None, capacity: float | None) -> Recommendation:
    lows = desk.allowed(risks=LOW_RISKS, kept=desk.in_force[0])
    highs = desk.allowed(risks=HIGH_RISKS, kept=desk.in_force[1])
    inside = np.where(lows[:, np.newaxis] & highs, cost, np.inf)
    if np.isinf(inside).all():  # thresholds moved since the start: low of one would lie above high of the other
        return Recommendation(None, "start")
    over = np.zeros_like(cost) if work is None or capacity is None else work - capacity
    fitting = np.where(over <= 0, inside, np.inf)
    if np.isinf(fitting).all():
        return Recommendation(None, "capacity", short_by=float(over[np.isfinite(inside)].min()))
    best, wanted = _least(fitting), _least(inside)
    option = _option(desk.total, best, cost=cost, work=work)
    if cost[best] > cost[wanted]:
        return Recommendation(option, "capacity", short_by=float(over[wanted]))
    if cost[best] <= cost.min():
        return Recommendation(option, None)
    binding, short_by = _binding_side(desk, lows=lows, highs=highs, cost=cost)
    return Recommendation(option, binding, short_by=short_by)


def _binding_side(desk: _Search, *, lows: Bins, highs: Bins, cost: Floats) -> tuple[Binding, float | None]:
    """The side whose certificate costs more: where it were free, the other one as it is."""
    free_low = _least(np.where(highs, cost, np.inf))
    free_high = _least(np.where(lows[:, np.newaxis], cost, np.inf))
    if cost[free_low] <= cost[free_high]:
        return desk.bound_by(free_low[0], risks=LOW_RISKS)
    return desk.bound_by(free_high[1], risks=HIGH_RISKS)


def _least(table: Floats) -> tuple[int, int]:
    low, high = np.unravel_index(int(np.argmin(table)), table.shape)
    return int(low), int(high)


def _option(ledger: Ledger, at: tuple[int, int], *, cost: Floats, work: Floats | None) -> Option:
    low, high = float(ledger.edges[at[0]]), float(ledger.edges[at[1]])
    return Option(low=low, high=high, cost_10k=float(cost[at]), work=None if work is None else float(work[at]))
