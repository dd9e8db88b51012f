"""What each pair of thresholds costs, and how much work it makes."""

import math
from dataclasses import dataclass

import numpy as np

from moderation.statistics import checks
from moderation.statistics.calibration import smoothed_rates
from moderation.statistics.checks import Floats
from moderation.statistics.ledger import Ledger


@dataclass(frozen=True)
class Costs:
    """What an escape, a wrongful rejection and a look by a person cost, in one unit; each 0 or more.

    ``Costs(miss=0, wrong=0, review=1)`` counts looks only.
    """

    miss: float
    wrong: float
    review: float

    def __post_init__(self) -> None:
        for name in ("miss", "wrong", "review"):
            checks.single(name, checks.non_negative(name, getattr(self, name)))


@dataclass(frozen=True)
class AuditRates:
    """The coin's probability for uploads approved and rejected by the machine, each in (0, 1]."""

    approve: float
    reject: float

    def __post_init__(self) -> None:
        checks.probability("approve", self.approve)
        checks.probability("reject", self.reject)


def optimal_thresholds(costs: Costs, audits: AuditRates | None = None) -> tuple[float, float]:
    """Return the cheapest (low, high) on calibrated scores; equal where a review never pays.

    A cut below 0 or above 1 says that one route is the cheapest for every score.

    An audited upload costs a look and keeps its route, so audits draw the two cuts into the
    band. Without audits these are the rules of Elkan and Chow.

    Raises:
        ValueError: a miss and a wrongful rejection that both cost nothing: there is nothing to weigh.

    Source: Elkan (2001), IJCAI 17:973-978; Chow (1970), IEEE Trans. Inf. Theory 16:41-46.
    """
    approve, reject = (audits.approve, audits.reject) if audits else (0.0, 0.0)
    if costs.miss + costs.wrong == 0:
        raise checks.refusal("costs", costs, accepted="give a cost above 0 to a miss or to a wrongful rejection")
    low = (1 - approve) * costs.review / costs.miss if costs.miss else math.inf
    high = 1 - (1 - reject) * costs.review / costs.wrong if costs.wrong else -math.inf
    if low < high:
        return low, high
    cut = (costs.wrong + (reject - approve) * costs.review) / (costs.miss + costs.wrong)
    return cut, cut


def cost_10k(ledger: Ledger, costs: Costs, audits: AuditRates, low: float, high: float) -> float | None:
    """Return the cost of 10,000 uploads at ``low`` and ``high``, from rates smoothed by isotonic regression.

    For choosing only: it has no interval and certifies nothing. None where no bin has a label.

    Raises:
        ValueError: thresholds that are not on edges or out of order.
    """
    ledger.regions(low, high)
    rates = smoothed_rates(ledger, low)
    if not rates.size:
        return None
    table = pair_costs(ledger, costs, audits, rates=rates)
    return float(table[ledger.cut(low, name="low"), ledger.cut(high, name="high")])


def pair_costs(ledger: Ledger, costs: Costs, audits: AuditRates, *, rates: Floats) -> Floats:
    """Return the cost of 10,000 uploads by (edge of low, edge of high); infinite where low is above high.

    Args:
        ledger: closed days, summed.
        costs: of an escape, a wrongful rejection and a look.
        audits: the coin's rates.
        rates: violation rate by bin, shape (bins,).
    """
    per_10k = 10_000 * ledger.by_score.uploads.sum(axis=1) / ledger.size
    doubted = 10_000 / ledger.size * (ledger.size - ledger.by_score.size)
    table = _by_pair(
        approve=per_10k * (rates * costs.miss + audits.approve * costs.review),
        review=per_10k * costs.review,
        reject=per_10k * ((1 - rates) * costs.wrong + audits.reject * costs.review),
    )
    return np.where(np.tri(len(table), k=-1, dtype=bool), np.inf, table + doubted * costs.review)


def pair_work(daily: Floats, audits: AuditRates, *, rates: Floats, doubted: Floats | None = None) -> Floats:
    """Return the looks a day that nine days in ten do not exceed, by (edge of low, edge of high).

    Of 28 days it is the 26th smallest. Looks are the band, the audits and the second opinions
    that audits ask for (a violating verdict among the approved, a benign one among the rejected).

    Args:
        daily: uploads by day and bin, shape (days, bins), one day at least.
        audits: the coin's rates.
        rates: violation rate by bin, shape (bins,).
        doubted: uploads by day that a person looks at whatever their score, shape (days,); 0 by default.
    """
    looks = _by_pair(
        approve=daily * audits.approve * (1 + rates),
        review=daily,
        reject=daily * audits.reject * (2 - rates),
    )
    if doubted is not None:
        looks = looks + doubted[:, np.newaxis, np.newaxis]
    return np.asarray(np.sort(looks, axis=0)[math.ceil(0.9 * len(daily)) - 1])


def _by_pair(*, approve: Floats, review: Floats, reject: Floats) -> Floats:
    """Sum over bins, each with what its route costs, shape (..., edges, edges) of low and high."""
    below, inside, under_high = (_running(cells) for cells in (approve, review, reject))
    from_high = under_high[..., -1:] - under_high
    by_low, by_high = below - inside, inside + from_high
    return np.asarray(by_low[..., :, np.newaxis] + by_high[..., np.newaxis, :])


def _running(cells: Floats) -> Floats:
    """Sums of the bins below each edge."""
    return np.concatenate([np.zeros((*cells.shape[:-1], 1)), np.cumsum(cells, axis=-1)], axis=-1)
