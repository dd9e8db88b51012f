"""The work that thresholds make: the facts that a recommendation needs besides the ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add

import numpy as np

from moderation.statistics import checks
from moderation.statistics.checks import Floats, Numbers
from moderation.statistics.costs import AuditRates, pair_work
from moderation.statistics.ledger import Ledger
from moderation.statistics.risks import Risk


@dataclass(frozen=True)
class Workload:
    """The facts besides the ledger that a recommendation depends on.

    Args:
        audits: sampling probabilities of the automatic routes.
        daily: uploads by day and bin, shape (days, bins), of the last 28 days; needed for a capacity.
        untrusted: uploads with an untrusted score by day, each reviewed, shape (days,); not part of ``daily``.
        start: (low, high) in force when the epoch opened; by default those in force now.
        pi_floor: by risk, as declared when the epoch opened; by default the audit rate of the risk's side.
        delta: 1 - confidence of each certificate.
    """

    audits: AuditRates
    daily: Numbers | None = None
    untrusted: Numbers | None = None
    start: tuple[float, float] | None = None
    pi_floor: Mapping[Risk, float] = field(default_factory=dict)
    delta: float = 0.05

    def floor(self, risk: Risk) -> float:
        return self.pi_floor.get(risk, self.audits.reject if risk == "wrongful" else self.audits.approve)


def workload_from(days: Sequence[Ledger], in_force: tuple[float, float]) -> Workload:
    """Return the workload that closed days show: audit rates are the smallest pi of each automatic side, 1 if empty.

    Each of several ledgers counts as a day of work. A single one may hold any number of days, so it gives no `daily`.
    """
    total = reduce(add, days)
    low, _, high = total.regions(*in_force)
    approve, reject = (float(total.pi[side.uploads > 0].min(initial=1.0)) for side in (low, high))
    daily = np.stack([day.uploads.sum(axis=1) for day in days]) if len(days) > 1 else None
    return Workload(AuditRates(approve, reject), daily=daily)


def reviews_a_day(workload: Workload, *, capacity: float | None, rates: Floats) -> Floats | None:
    """Return the reviews a day that nine days in ten do not exceed, shape (edges of low, edges of high).

    None without daily counts.

    Raises:
        ValueError: daily counts of a wrong shape; a capacity without daily counts to compare it with.
    """
    if workload.daily is None:
        if capacity is not None:
            raise checks.refusal("daily", None, accepted="give uploads by day and bin: a capacity needs them")
        return None
    daily = checks.counts("daily", workload.daily)
    if daily.ndim != 2 or not len(daily) or daily.shape[1] != rates.size:
        raise checks.refusal("daily.shape", daily.shape, accepted=f"give (days, bins) with {rates.size} bins")
    untrusted = None if workload.untrusted is None else checks.counts("untrusted", workload.untrusted)
    if untrusted is not None and untrusted.shape != daily.shape[:1]:
        raise checks.refusal(
            "untrusted.shape", untrusted.shape, accepted=f"give one count for each of {len(daily)} days"
        )
    return pair_work(daily, workload.audits, rates=rates, untrusted=untrusted)
