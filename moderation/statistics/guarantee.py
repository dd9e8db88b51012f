"""The guarantee: which claims about error rates are certified, at any number of looks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from moderation.statistics import checks
from moderation.statistics.alarm import ReverseAlarm
from moderation.statistics.checks import Floats
from moderation.statistics.e_values import clean_checks_needed, e_value, log_e_value, recognised, upper_bound
from moderation.statistics.ledger import Ledger
from moderation.statistics.risks import (
    Counts,
    Risk,
    alarm_counts_for,
    counts_for,
    falls_below_floor,
    pair_at,
    response_rate,
)

__all__ = [
    "Claim",
    "Counts",
    "ReverseAlarm",
    "Risk",
    "alarm_counts_for",
    "clean_checks_needed",
    "counts_for",
    "e_value",
    "first_certified",
    "fixed_sequence",
    "log_e_value",
    "recognised",
    "response_rate",
    "upper_bound",
]

# Below this share of drawn uploads with a verdict nothing is certified.
RESPONSE_NEEDED = 0.995


@dataclass(frozen=True)
class Claim:
    """The claim "risk < target", at confidence 1 - delta; pi_floor as declared when the epoch opened."""

    risk: Risk
    target: float
    pi_floor: float
    delta: float = 0.05

    def __post_init__(self) -> None:
        checks.fraction("target", self.target)
        checks.probability("pi_floor", self.pi_floor)
        checks.fraction("delta", self.delta)


def first_certified(days: Ledger | Sequence[Ledger], claim: Claim, *, low: float, high: float) -> int | None:
    """Return the first closed day (from 0) at whose end the claim is certified, or None.

    That is the first with E >= 1/delta and a response of 99.5 % at least.

    Args:
        days: the epoch's closed days in order, or one ledger of all of them.
        claim: what is to be certified.
        low: a bin edge.
        high: a bin edge from low up.

    Raises:
        ValueError: as `counts_for`; uploads that can be bad were drawn with less than pi_floor.
    """
    totals = list(_running(days))
    if falls_below_floor(totals[-1], claim.risk, low, high, pi_floor=claim.pi_floor):
        raise checks.refusal("pi_floor", claim.pi_floor, accepted="give at most each pi of the uploads that can be bad")
    return _first_certified(totals, claim, low=low, high=high)


def fixed_sequence(  # noqa: PLR0913, PLR0917 (a claim and where it starts)
    ledger: Ledger | Sequence[Ledger],
    risk: Risk,
    start: float,
    target: float,
    pi_floor: float,
    delta: float = 0.05,
) -> Floats:
    """Return the certified thresholds, in the order of the sequence; empty when the start is not.

    Candidates begin at ``start``, the threshold in force when the epoch opened, and go
    upwards for low, downwards for high ("wrongful"); the first that is not certified ends
    them, so all of them are certified together at 1 - delta.

    Args:
        ledger: all closed days in one, or a sequence of days in order: then a candidate is
            certified when it was at the end of any of them (the running maximum of E). The
            certificate of a candidate covers the days up to its own `first_certified` only.
        risk: "leak", "miss", "wrongful" or "escapes".
        start: a bin edge.
        target: in (0, 1).
        pi_floor: in (0, 1].
        delta: in (0, 1).

    Raises:
        ValueError: as `first_certified`, for ``start``.

    Source: Angelopoulos, Bates, Candes, Jordan, Lei (2021), Learn then Test, arXiv:2110.01052.
    """
    claim, totals = Claim(risk, target, pi_floor, delta), list(_running(ledger))
    certified: list[float] = []
    for candidate in _candidates(totals[-1], risk, start):
        low, high = pair_at(totals[-1], risk, float(candidate))
        if falls_below_floor(totals[-1], risk, low, high, pi_floor=pi_floor):
            if not certified:
                raise checks.refusal("pi_floor", pi_floor, accepted=f"give at most each pi of the uploads at {start=}")
            break
        if _first_certified(totals, claim, low=low, high=high) is None:
            break
        certified.append(float(candidate))
    return np.array(certified, dtype=np.float64)


def _first_certified(totals: Sequence[Ledger], claim: Claim, *, low: float, high: float) -> int | None:
    counts = [counts_for(total, claim.risk, low, high) for total in totals]
    bad, good = (np.stack(column) for column in zip(*counts, strict=True))
    enough = np.asarray(log_e_value(bad, good, totals[0].pi, claim.target, claim.pi_floor)) >= -np.log(claim.delta)
    answered = [(response_rate(total, claim.risk, low, high) or 0) >= RESPONSE_NEEDED for total in totals]
    certified = np.flatnonzero(enough & np.array(answered))
    return int(certified[0]) if certified.size else None


def _candidates(ledger: Ledger, risk: Risk, start: float) -> Floats:
    at = ledger.cut(start, name="start")
    return ledger.edges[: at + 1][::-1] if risk == "wrongful" else ledger.edges[at:]


def _running(days: Ledger | Sequence[Ledger]) -> Iterator[Ledger]:
    """Yield the ledger of the first day, of the first two, and so on."""
    given = [days] if isinstance(days, Ledger) else list(days)
    if not given:
        raise checks.refusal("ledger", given, accepted="give a ledger, or at least one closed day")
    total = given[0]
    yield total
    for day in given[1:]:
        total += day
        yield total
