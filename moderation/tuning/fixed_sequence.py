"""The fixed sequence: from the threshold that the epoch began with, step by step, while each step is certified."""

from collections.abc import Sequence
from dataclasses import dataclass

from moderation.models.threshold_grid import GRID
from moderation.statistics.guarantee import Claim, Risk, first_certified
from moderation.statistics.risks import falls_below_floor, pair_at
from moderation.tuning.counts import step
from moderation.tuning.ledger_days import ClosedDay, total

# What holds below one low holds below each smaller one.
MONOTONE: tuple[Risk, ...] = ("miss", "escapes")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One candidate that had evidence enough: at the end of day ``last`` (from 0) for the first time."""

    threshold: float
    last: int


@dataclass(frozen=True, kw_only=True)
class Walk:
    """From ``start`` towards ``goal``: the steps that are certified, and where it stopped (None at the goal)."""

    start: float
    goal: float
    steps: Sequence[Step]
    stopped_at: float | None


def goal_of(risk: Risk, *, start: float, low: float, high: float) -> float:
    """Which threshold has to be certified for the pair: its own, or the start where that carries over to it."""
    if risk == "wrongful":
        return high
    return max(low, start) if risk in MONOTONE else low


def candidates(*, start: float, goal: float, risk: Risk) -> list[float]:
    """The thresholds from ``start`` to ``goal``, low upwards, high downwards; none where the goal lies before it."""
    first, last = step(start), step(goal)
    return GRID[last : first + 1][::-1] if risk == "wrongful" else GRID[first : last + 1]


def walk(days: Sequence[ClosedDay], claim: Claim, *, start: float, goal: float) -> Walk:
    """Certify candidate after candidate, each by its own evidence, and stop at the first that has too little."""
    steps: list[Step] = []
    for threshold in candidates(start=start, goal=goal, risk=claim.risk):
        last = _first_certified(days, claim, threshold=threshold)
        if last is None:
            return Walk(start=start, goal=goal, steps=steps, stopped_at=threshold)
        steps.append(Step(threshold=threshold, last=last))
    return Walk(start=start, goal=goal, steps=steps, stopped_at=None if steps else start)


def _first_certified(days: Sequence[ClosedDay], claim: Claim, *, threshold: float) -> int | None:
    if not days:
        return None
    ledger = total(days)
    low, high = pair_at(ledger, claim.risk, threshold)
    if falls_below_floor(ledger, claim.risk, low, high, pi_floor=claim.pi_floor):
        return None
    return first_certified([day.ledger for day in days], claim, low=low, high=high)
