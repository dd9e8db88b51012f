"""Estimates of the error rates of all uploads, with their intervals, from a ledger."""

from collections.abc import Sequence
from dataclasses import dataclass

from moderation.statistics import checks
from moderation.statistics.ledger import Ledger
from moderation.statistics.regions import (
    ConfidenceLimits,
    Region,
    Total,
    benign_total,
    joined,
    remainder,
    violating_total,
)


@dataclass(frozen=True)
class Estimate:
    """A rate of all uploads with its interval and ``n``, the number of labels that it rests on.

    ``value``, ``low`` and ``high`` are None without support: a rate class has uploads but no label, or the denominator
    is 0. ``shown`` is true if each sampled region has at least 30 labels; only then may the estimate be shown.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    shown: bool


@dataclass(frozen=True)
class Estimates:
    """The error rates of one pair of thresholds, as docs/statistics.md defines them."""

    prevalence: Estimate
    leak_rate: Estimate
    miss_rate: Estimate
    wrongful_rate: Estimate
    escapes_10k: Estimate
    wrongful_10k: Estimate
    review_share: Estimate


def estimate(ledger: Ledger, low: float, high: float, confidence: float = 0.95, *, exact: bool = False) -> Estimates:
    """Estimate the error rates of ``low`` and ``high`` on all uploads of ``ledger``.

    Labels are weighted by the number of uploads that each stands for. This is the correction for verification bias of
    Begg and Greenes (1983), Biometrics 39:207-215, and the post-stratified Horvitz-Thompson estimator.

    Args:
        ledger: closed days, summed.
        low: a bin edge; uploads with a smaller score are approved.
        high: a bin edge from ``low`` up; uploads with this score or more are rejected.
        confidence: of each interval, in (0, 1).
        exact: use Clopper-Pearson instead of Wilson limits for a region that is one equal-probability sample.
            Wilson's intervals are shorter, but below about five hits their lower limit is too often too high
            (docs/statistics.md has the figures). Their upper limit holds.

    Raises:
        ValueError: thresholds that are not bin edges or are out of order, confidence outside (0, 1).
    """
    limits = ConfidenceLimits(checks.fraction("confidence", confidence), exact)
    below, band, above = ledger.regions(low, high)
    leaked = violating_total(below, limits=limits)
    wronged = benign_total(above, limits=limits)
    caught = joined([violating_total(band, limits=limits), remainder(above, wronged)])
    every = (below, band, above)
    return Estimates(
        prevalence=_ratio(joined([leaked, caught]), size=ledger.size, regions=every),
        leak_rate=_ratio(leaked, size=below.size, regions=[below]),
        miss_rate=_share_of_both(leaked, caught, regions=every),
        wrongful_rate=_ratio(wronged, size=above.size, regions=[above]),
        escapes_10k=_ratio(leaked, size=ledger.size, regions=[below], per=10_000),
        wrongful_10k=_ratio(wronged, size=ledger.size, regions=[above], per=10_000),
        review_share=_exact_share(band.size, ledger.size),
    )


def naive(ledger: Ledger, low: float, high: float) -> dict[str, float | None]:
    """Return the same rates, by name, from unweighted labels, to show how wrong that is.

    People label all of the band and a random part of the rest, so these figures describe no population. Show them
    beside the estimates, never instead of them. A rate is None if its denominator is 0.

    Raises:
        ValueError: thresholds that are not bin edges, or are out of order.
    """
    below, band, above = ledger.regions(low, high)
    leaked, caught = float(below.violating.sum()), float((band.violating + above.violating).sum())
    wronged, labels = float((above.labelled - above.violating).sum()), below.labels + band.labels + above.labels
    return {
        "prevalence": _share(leaked + caught, labels),
        "leak_rate": _share(leaked, below.labels),
        "miss_rate": _share(leaked, leaked + caught),
        "wrongful_rate": _share(wronged, above.labels),
        "escapes_10k": _share(10_000 * leaked, labels),
        "wrongful_10k": _share(10_000 * wronged, labels),
        "review_share": _share(band.labels, labels),
    }


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _ratio(total: Total, *, size: float, regions: Sequence[Region], per: float = 1) -> Estimate:
    if total.value is None or size == 0:
        return _unsupported(regions)
    low, high = max(total.low / size, 0.0), min(total.high / size, 1.0)
    return _supported(per * total.value / size, per * low, per * high, regions=regions)


def _share_of_both(part: Total, rest: Total, *, regions: Sequence[Region]) -> Estimate:
    """Return the share A/(A+B) of ``part`` (A) in part and rest (B); it is monotone in both."""
    if part.value is None or rest.value is None or part.value + rest.value == 0:
        return _unsupported(regions)
    low = part.low / (part.low + rest.high) if part.low > 0 else 0.0
    high = part.high / (part.high + rest.low) if part.high > 0 else 0.0
    return _supported(part.value / (part.value + rest.value), low, high, regions=regions)


def _exact_share(part: float, size: float) -> Estimate:
    share = part / size if size else None
    return Estimate(value=share, low=share, high=share, n=int(size), shown=size > 0)


def _supported(value: float, low: float, high: float, *, regions: Sequence[Region]) -> Estimate:
    # Rounding can put a limit slightly on the wrong side of an exactly known value.
    labels, shown = sum(region.labels for region in regions), all(region.may_be_shown for region in regions)
    return Estimate(value=value, low=min(low, value), high=max(high, value), n=labels, shown=shown)


def _unsupported(regions: Sequence[Region]) -> Estimate:
    return Estimate(value=None, low=None, high=None, n=sum(region.labels for region in regions), shown=False)
