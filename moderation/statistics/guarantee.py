"""Certificates of error rates that stay valid however often somebody looks: everything about them in one place."""

from collections.abc import Sequence
from functools import reduce
from operator import add

import numpy as np

from moderation.statistics import checks
from moderation.statistics.alarm import ReverseAlarm
from moderation.statistics.checks import Floats
from moderation.statistics.e_values import clean_checks_needed, e_value, log_e_value, recognised, upper_bound
from moderation.statistics.fixed_sequence import RiskClaim, certify_on_days, first_certified
from moderation.statistics.ledger import Ledger
from moderation.statistics.risks import (
    RESPONSE_NEEDED,
    Risk,
    RiskCounts,
    alarm_counts_for,
    counts_for,
    falls_below_floor,
    pair_at,
    response_rate,
)

__all__ = [
    "RESPONSE_NEEDED",
    "ReverseAlarm",
    "Risk",
    "RiskClaim",
    "RiskCounts",
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


def fixed_sequence(  # noqa: PLR0913, PLR0917 (a claim and where it starts)
    ledger: Ledger | Sequence[Ledger],
    risk: Risk,
    start: float,
    target: float,
    pi_floor: float,
    delta: float = 0.05,
) -> Floats:
    """Return the certified thresholds in the order of the sequence; empty if the start is not certified.

    The certificate of a threshold covers only the days up to its own `first_certified`.

    Args:
        ledger: all closed days in one ledger, or the days in order; see `certify_on_days`.
        risk: "leak", "miss", "wrongful" or "escapes".
        start: the threshold that was in force when the epoch opened, a bin edge.
        target: in (0, 1).
        pi_floor: in (0, 1].
        delta: in (0, 1).

    Raises:
        ValueError: as `first_certified`, for ``start``.
    """
    found = certify_on_days(ledger, RiskClaim(risk, target, pi_floor, delta), start=start)
    if not found.certified:
        total = ledger if isinstance(ledger, Ledger) else reduce(add, ledger)
        if falls_below_floor(total, risk, *pair_at(total, risk, start), pi_floor=pi_floor):
            raise checks.refusal("pi_floor", pi_floor, accepted=f"give at most each pi of the uploads at {start=}")
    return np.array([each.threshold for each in found.certified], dtype=np.float64)
