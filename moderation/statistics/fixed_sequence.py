"""The fixed sequence: which thresholds are certified, one after the other.

Candidates begin at the threshold that was in force when the epoch opened. They go upwards for low and downwards for
high. The first candidate without enough evidence ends the sequence, so all candidates before it are certified together
at confidence 1 - delta. Recommendations, reports, new certificates and their verification all go through `certify`.

Source: Angelopoulos, Bates, Candes, Jordan, Lei (2021), Learn then Test, arXiv:2110.01052.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from moderation.statistics import checks
from moderation.statistics.checks import Numbers
from moderation.statistics.e_values import log_e_value
from moderation.statistics.ledger import Ledger, cut
from moderation.statistics.risks import (
    RESPONSE_NEEDED,
    Risk,
    counts_for,
    falls_below_floor,
    pair_at,
    response_rate,
)

# If one of these risks is below its target at some low, it is below it at each smaller low.
MONOTONE: tuple[Risk, ...] = ("miss", "escapes")


@dataclass(frozen=True)
class RiskClaim:
    """The claim "risk < target", at confidence 1 - delta; pi_floor as declared when the epoch opened."""

    risk: Risk
    target: float
    pi_floor: float
    delta: float = 0.05

    def __post_init__(self) -> None:
        checks.fraction("target", self.target)
        checks.probability("pi_floor", self.pi_floor)
        checks.fraction("delta", self.delta)


@dataclass(frozen=True, kw_only=True)
class CertifiedThreshold:
    """One certified candidate; ``day`` is the first closed day (from 0) at whose end its evidence was enough."""

    threshold: float
    day: int


@dataclass(frozen=True, kw_only=True)
class FixedSequence:
    """The certified candidates in order, and the first one without enough evidence (None where all have enough)."""

    certified: Sequence[CertifiedThreshold]
    stopped_at: float | None

    @property
    def reaches_goal(self) -> bool:
        """Whether there are candidates and every one is certified."""
        return bool(self.certified) and self.stopped_at is None


def certify(thresholds: Iterable[float], *, first_day: Callable[[float], int | None]) -> FixedSequence:
    """Certify candidates in order, each by its own evidence, up to the first one without enough of it.

    Args:
        thresholds: the candidates, in the order of `candidates`.
        first_day: returns the first closed day (from 0) at whose end a candidate has enough evidence, or None.
    """
    certified: list[CertifiedThreshold] = []
    for threshold in thresholds:
        if (day := first_day(threshold)) is None:
            return FixedSequence(certified=certified, stopped_at=threshold)
        certified.append(CertifiedThreshold(threshold=threshold, day=day))
    return FixedSequence(certified=certified, stopped_at=None)


def certify_on_days(
    days: Ledger | Sequence[Ledger], claim: RiskClaim, *, start: float, goal: float | None = None
) -> FixedSequence:
    """Certify the candidates from ``start`` by the evidence of closed days.

    Args:
        days: the epoch's closed days in order, or one ledger of all of them. With several days, a candidate is
            certified if it was so at the end of any of them (the running maximum of E).
        claim: the claim to certify.
        start: the threshold that was in force when the epoch opened, a bin edge.
        goal: the last candidate, a bin edge; by default the end of the grid.

    Raises:
        ValueError: no day, or a threshold that is not a bin edge.
    """
    totals = list(_running_totals(days))

    def first_day(threshold: float) -> int | None:
        low, high = pair_at(totals[-1], claim.risk, threshold)
        if falls_below_floor(totals[-1], claim.risk, low, high, pi_floor=claim.pi_floor):
            return None
        return _first_day(totals, claim, low=low, high=high)

    return certify(candidates(totals[-1].edges, claim.risk, start=start, goal=goal), first_day=first_day)


def candidates(edges: Numbers, risk: Risk, *, start: float, goal: float | None = None) -> list[float]:
    """Return the thresholds from ``start`` to ``goal`` in order; empty where the goal lies before the start.

    Args:
        edges: the grid, rising.
        risk: "wrongful" goes downwards, every other risk upwards.
        start: on the grid.
        goal: on the grid; by default the grid's end.

    Raises:
        ValueError: a start or a goal that is not on the grid.
    """
    grid = np.asarray(edges, dtype=np.float64)
    first = cut(grid, start, name="start")
    if risk == "wrongful":
        last = 0 if goal is None else cut(grid, goal, name="goal")
        return [float(edge) for edge in grid[last : first + 1][::-1]]
    last = grid.size - 1 if goal is None else cut(grid, goal, name="goal")
    return [float(edge) for edge in grid[first : last + 1]]


def goal_of(risk: Risk, *, start: float, low: float, high: float) -> float:
    """Return the threshold that has to be certified for a pair.

    That is the pair's own one; for a monotone risk it is the start where the pair's low lies below it.
    """
    if risk == "wrongful":
        return high
    return max(low, start) if risk in MONOTONE else low


def first_certified(days: Ledger | Sequence[Ledger], claim: RiskClaim, *, low: float, high: float) -> int | None:
    """Return the first closed day (from 0) at whose end the claim is certified, or None.

    That is the first with E >= 1/delta and a response of at least 99.5 %. A certificate covers the days up to it.

    Args:
        days: the epoch's closed days in order, or one ledger of all of them.
        claim: the claim to certify.
        low: a bin edge.
        high: a bin edge from low up.

    Raises:
        ValueError: as `counts_for`; uploads that can be bad were drawn with less than pi_floor.
    """
    totals = list(_running_totals(days))
    if falls_below_floor(totals[-1], claim.risk, low, high, pi_floor=claim.pi_floor):
        raise checks.refusal("pi_floor", claim.pi_floor, accepted="give at most each pi of the uploads that can be bad")
    return _first_day(totals, claim, low=low, high=high)


def _first_day(totals: Sequence[Ledger], claim: RiskClaim, *, low: float, high: float) -> int | None:
    counts = [counts_for(total, claim.risk, low, high) for total in totals]
    bad, good = (np.stack(column) for column in zip(*counts, strict=True))
    enough = np.asarray(log_e_value(bad, good, totals[0].pi, claim.target, claim.pi_floor)) >= -np.log(claim.delta)
    answered = [(response_rate(total, claim.risk, low, high) or 0) >= RESPONSE_NEEDED for total in totals]
    certified = np.flatnonzero(enough & np.array(answered))
    return int(certified[0]) if certified.size else None


def _running_totals(days: Ledger | Sequence[Ledger]) -> Iterator[Ledger]:
    """Yield the ledger of the first day, of the first two, and so on."""
    given = [days] if isinstance(days, Ledger) else list(days)
    if not given:
        raise checks.refusal("ledger", given, accepted="give a ledger, or at least one closed day")
    total = given[0]
    yield total
    for day in given[1:]:
        total += day
        yield total
