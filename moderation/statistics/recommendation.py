"""The recommended thresholds: the cheapest certified pair whose reviews fit the capacity."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import add
from typing import Literal

import numpy as np
import numpy.typing as npt

from moderation.statistics import checks
from moderation.statistics.calibration import smoothed_rates
from moderation.statistics.checks import Floats
from moderation.statistics.costs import AuditRates, Costs, cost_10k, optimal_thresholds, pair_costs
from moderation.statistics.fixed_sequence import MONOTONE
from moderation.statistics.guarantee import RESPONSE_NEEDED, clean_checks_needed, fixed_sequence
from moderation.statistics.ledger import Ledger
from moderation.statistics.risks import Risk, counts_for, falls_below_floor, pair_at, verdicts
from moderation.statistics.workload import Workload, reviews_a_day, workload_from

__all__ = [
    "AuditRates",
    "Binding",
    "Costs",
    "Recommendation",
    "ThresholdPair",
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
class ThresholdPair:
    """A pair of thresholds, its cost per 10,000 uploads and its reviews a day (90th percentile)."""

    low: float
    high: float
    cost_10k: float
    work: float | None


@dataclass(frozen=True)
class Recommendation:
    """The pair to set, or the reason why none can be recommended (``best`` is None).

    ``binding`` names the constraint that rules out the cheapest pair of the whole grid, or every pair. ``short_by``
    says by how much it is missed:

    * a risk: the clean audits that the cheaper threshold lacks (without a recommendation, the starting threshold);
    * "capacity": the reviews a day above it;
    * "response": the verdicts that are missing;
    * "no target": a side keeps its threshold in force, because no target asks for a certificate;
    * "start": the cheaper threshold lies before the start of the sequence, so only a new epoch could begin there;
    * "labels": no bin has a label.
    """

    best: ThresholdPair | None
    binding: Binding | None
    short_by: float | None = None

    def as_json(self) -> dict[str, object]:
        best = self.best and {"low": self.best.low, "high": self.best.high, "cost_10k": self.best.cost_10k}
        return {"best": best, "binding": self.binding, "short_by": self.short_by}


def recommend(  # noqa: PLR0913, PLR0917 (what an admin sets, and where)
    ledger: Ledger | Sequence[Ledger],
    costs: Costs,
    targets: Mapping[Risk, float],
    capacity: float | None,
    in_force: tuple[float, float],
    workload: Workload | None = None,
) -> Recommendation:
    """Recommend the cheapest pair of a certified low and a certified high that fits the capacity.

    A side without a target keeps its threshold in force, because no other threshold is certified.

    Args:
        ledger: closed days, in one ledger or in order; in order, the running maximum of E counts.
        costs: of an escape, a wrongful rejection and a review.
        targets: the target to certify, by risk ("leak", "miss", "escapes", "wrongful").
        capacity: reviews a day that people can do; None for any number.
        in_force: (low, high) now.
        workload: audit rates, recent days, starting thresholds; by default they follow from the ledger
            (`workload_from`).

    Raises:
        ValueError: thresholds that are not bin edges, a capacity without the days to compare it with.
    """
    days = [ledger] if isinstance(ledger, Ledger) else list(ledger)
    if not days:
        raise checks.refusal("ledger", days, accepted="give a ledger, or at least one closed day")
    workload = workload or workload_from(days, in_force)
    search = _Search(days, targets, in_force, workload)
    rates = smoothed_rates(search.total, in_force[0])
    if not rates.size:
        return Recommendation(best=None, binding="labels")
    if (refused := search.first_refused()) is not None:
        return search.refusal(refused)
    cost = pair_costs(search.total, costs, workload.audits, rates=rates)
    work = reviews_a_day(workload, capacity=capacity, rates=rates)
    return _cheapest(search, cost=cost, work=work, capacity=capacity)


@dataclass(frozen=True)
class _Search:
    """The thresholds of the grid that each target certifies."""

    days: Sequence[Ledger]
    targets: Mapping[Risk, float]
    in_force: tuple[float, float]
    workload: Workload

    @cached_property
    def total(self) -> Ledger:
        return reduce(add, self.days)

    @property
    def start(self) -> tuple[float, float]:
        return self.workload.start or self.in_force

    @cached_property
    def certified(self) -> dict[Risk, Bins]:
        """Whether each edge is certified, by risk, each of shape (edges,)."""
        return {risk: self._certified(risk) for risk in self.targets}

    def _certified(self, risk: Risk) -> Bins:
        first = self.start[1] if risk == "wrongful" else self.start[0]
        found = fixed_sequence(
            self.days, risk, first, self.targets[risk], self.workload.floor(risk), self.workload.delta
        )
        certified = np.isin(self.total.edges, found)
        if risk in MONOTONE:
            certified = np.logical_or.accumulate(certified[::-1])[::-1]
        return certified

    def first_refused(self) -> Risk | None:
        return next((risk for risk in self.targets if not self.certified[risk].any()), None)

    def allowed(self, *, risks: Sequence[Risk], kept: float) -> Bins:
        """Return whether each edge is certified for all targets among ``risks``; only ``kept`` without a target."""
        asked = [self.certified[risk] for risk in risks if risk in self.targets]
        return np.logical_and.reduce(asked) if asked else np.isclose(self.total.edges, kept, atol=1e-9)

    def missing_checks(self, risk: Risk, threshold: float) -> int | None:
        """Return the clean audits that would certify ``risk`` at ``threshold``; None if it falls below pi_floor."""
        low, high = pair_at(self.total, risk, threshold)
        target, floor, delta = self.targets[risk], self.workload.floor(risk), self.workload.delta
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
        """Return the constraint that keeps a threshold from ``edge``, and the number of clean audits missing there."""
        asked = [risk for risk in risks if risk in self.targets]
        if not asked:
            return "no target", None
        wanted, (first_low, first_high) = float(self.total.edges[edge]), self.start
        if wanted > first_high if risks == HIGH_RISKS else wanted < first_low:
            return "start", None
        risk = next((risk for risk in asked if not self.certified[risk][edge]), asked[0])
        return risk, self.missing_checks(risk, wanted)


def _cheapest(search: _Search, *, cost: Floats, work: Floats | None, capacity: float | None) -> Recommendation:
    lows = search.allowed(risks=LOW_RISKS, kept=search.in_force[0])
    highs = search.allowed(risks=HIGH_RISKS, kept=search.in_force[1])
    inside = np.where(lows[:, np.newaxis] & highs, cost, np.inf)
    if np.isinf(inside).all():
        # Thresholds moved since the start, so each allowed low lies above each allowed high.
        return Recommendation(None, "start")
    over = np.zeros_like(cost) if work is None or capacity is None else work - capacity
    fitting = np.where(over <= 0, inside, np.inf)
    if np.isinf(fitting).all():
        return Recommendation(None, "capacity", short_by=float(over[np.isfinite(inside)].min()))
    best, wanted = _cheapest_cell(fitting), _cheapest_cell(inside)
    best_pair = _pair_at(search.total, best, cost=cost, work=work)
    if cost[best] > cost[wanted]:
        return Recommendation(best_pair, "capacity", short_by=float(over[wanted]))
    if cost[best] <= cost.min():
        return Recommendation(best_pair, None)
    binding, short_by = _binding_side(search, lows=lows, highs=highs, cost=cost)
    return Recommendation(best_pair, binding, short_by=short_by)


def _binding_side(search: _Search, *, lows: Bins, highs: Bins, cost: Floats) -> tuple[Binding, float | None]:
    """Return the constraint on the side whose certificate raises the cost more.

    Compares the least cost with the low unconstrained and with the high unconstrained.
    """
    free_low = _cheapest_cell(np.where(highs, cost, np.inf))
    free_high = _cheapest_cell(np.where(lows[:, np.newaxis], cost, np.inf))
    if cost[free_low] <= cost[free_high]:
        return search.bound_by(free_low[0], risks=LOW_RISKS)
    return search.bound_by(free_high[1], risks=HIGH_RISKS)


def _cheapest_cell(table: Floats) -> tuple[int, int]:
    low, high = np.unravel_index(int(np.argmin(table)), table.shape)
    return int(low), int(high)


def _pair_at(ledger: Ledger, at: tuple[int, int], *, cost: Floats, work: Floats | None) -> ThresholdPair:
    low, high = float(ledger.edges[at[0]]), float(ledger.edges[at[1]])
    return ThresholdPair(low=low, high=high, cost_10k=float(cost[at]), work=None if work is None else float(work[at]))
