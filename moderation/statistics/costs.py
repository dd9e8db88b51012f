"""The cost of each pair of thresholds, and the reviews that it needs."""

import math
from dataclasses import dataclass

import numpy as np

from moderation.statistics import checks
from moderation.statistics.calibration import smoothed_rates
from moderation.statistics.checks import Floats
from moderation.statistics.ledger import Ledger


@dataclass(frozen=True)
class Costs:
    """The costs of an escape, a wrongful rejection and a review by a person, in one unit; each 0 or more.

    ``Costs(miss=0, wrong=0, review=1)`` counts reviews only.
    """

    miss: float
    wrong: float
    review: float

    def __post_init__(self) -> None:
        for name in ("miss", "wrong", "review"):
            checks.single(name, checks.non_negative(name, getattr(self, name)))


@dataclass(frozen=True)
class AuditRates:
    """The sampling probabilities of uploads that the machine approves and rejects, each in (0, 1]."""

    approve: float
    reject: float

    def __post_init__(self) -> None:
        checks.probability("approve", self.approve)
        checks.probability("reject", self.reject)


def optimal_thresholds(costs: Costs, audits: AuditRates | None = None) -> tuple[float, float]:
    """Return the cheapest (low, high) on calibrated scores; both are equal if a review never pays.

    A threshold below 0 or above 1 means that one route is the cheapest for every score.

    An audited upload costs a review and keeps its route, so audits move both thresholds into the band. Without audits
    these are the rules of Elkan and Chow.

    Raises:
        ValueError: neither a miss nor a wrongful rejection costs anything.

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

    It has no interval and certifies nothing: use it only to choose. None if no bin has a label.

    Raises:
        ValueError: thresholds that are not bin edges, or are out of order.
    """
    ledger.regions(low, high)
    rates = smoothed_rates(ledger, low)
    if not rates.size:
        return None
    table = pair_costs(ledger, costs, audits, rates=rates)
    return float(table[ledger.cut(low, name="low"), ledger.cut(high, name="high")])


def pair_costs(ledger: Ledger, costs: Costs, audits: AuditRates, *, rates: Floats) -> Floats:
    """Return the cost of 10,000 uploads, shape (edges of low, edges of high); infinite where low is above high.

    Args:
        ledger: closed days, summed.
        costs: of an escape, a wrongful rejection and a review.
        audits: sampling probabilities.
        rates: violation rate by bin, shape (bins,).
    """
    per_10k = 10_000 * ledger.by_score.uploads.sum(axis=1) / ledger.size
    untrusted = 10_000 / ledger.size * (ledger.size - ledger.by_score.size)
    table = _by_pair(
        approve=per_10k * (rates * costs.miss + audits.approve * costs.review),
        review=per_10k * costs.review,
        reject=per_10k * ((1 - rates) * costs.wrong + audits.reject * costs.review),
    )
    return np.where(np.tri(len(table), k=-1, dtype=bool), np.inf, table + untrusted * costs.review)


def pair_work(daily: Floats, audits: AuditRates, *, rates: Floats, untrusted: Floats | None = None) -> Floats:
    """Return the number of reviews a day that nine days in ten do not exceed, shape (edges of low, edges of high).

    With 28 days it is the 26th smallest. Reviews are those of the band, the audits and the second opinions on audits
    (after a violating verdict on an approved upload or a benign one on a rejected upload).

    Args:
        daily: uploads by day and bin, shape (days, bins), at least one day.
        audits: sampling probabilities.
        rates: violation rate by bin, shape (bins,).
        untrusted: uploads with an untrusted score by day, each reviewed, shape (days,); 0 by default.
    """
    reviews = _by_pair(
        approve=daily * audits.approve * (1 + rates),
        review=daily,
        reject=daily * audits.reject * (2 - rates),
    )
    if untrusted is not None:
        reviews = reviews + untrusted[:, np.newaxis, np.newaxis]
    return np.asarray(np.sort(reviews, axis=0)[math.ceil(0.9 * len(daily)) - 1])


def _by_pair(*, approve: Floats, review: Floats, reject: Floats) -> Floats:
    """Sum over bins the value that each has on its route, shape (..., edges of low, edges of high)."""
    below, inside, under_high = (_running(cells) for cells in (approve, review, reject))
    from_high = under_high[..., -1:] - under_high
    by_low, by_high = below - inside, inside + from_high
    return np.asarray(by_low[..., :, np.newaxis] + by_high[..., np.newaxis, :])


def _running(cells: Floats) -> Floats:
    """Return the sums of the bins below each edge, shape (..., edges)."""
    return np.concatenate([np.zeros((*cells.shape[:-1], 1)), np.cumsum(cells, axis=-1)], axis=-1)
