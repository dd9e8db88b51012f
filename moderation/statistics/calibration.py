"""The violation rate of each score bin: the reliability diagram and its isotonic line."""

from dataclasses import dataclass

import numpy as np
import scipy

from moderation.statistics import checks
from moderation.statistics.checks import Floats, Numbers
from moderation.statistics.intervals import wilson
from moderation.statistics.ledger import Ledger
from moderation.statistics.regions import LABELS_TO_SHOW


@dataclass(frozen=True)
class BinRates:
    """Violation rate per score bin, weighted over rate classes; each array has shape (bins,).

    ``known`` marks the bins with labels. ``n`` is the effective number of labels: as many labels of equal weight
    would be as precise.
    """

    known: np.typing.NDArray[np.bool_]
    rate: Floats
    n: Floats


@dataclass(frozen=True)
class ReliabilityRow:
    """One score bin; rate, low and high are None without labels; charts hatch a bin with fewer than 30 labels."""

    start: float
    end: float
    uploads: int
    labels: int
    rate: float | None
    low: float | None
    high: float | None
    hatched: bool


def isotonic(values: Numbers, weights: Numbers | None = None) -> Floats:
    """Return the non-decreasing sequence with the least weighted squared distance to ``values`` (PAVA).

    Args:
        values: shape (n,).
        weights: above 0, shape (n,); equal by default.

    Raises:
        ValueError: shapes that differ, weights of 0 or less, numbers that are not finite.

    Source: Barlow, Bartholomew, Bremner, Brunk (1972), Statistical Inference under Order Restrictions.
    """
    y = checks.finite("values", values)
    w = np.ones_like(y) if weights is None else checks.finite("weights", weights)
    if y.ndim != 1 or w.shape != y.shape or (w <= 0).any():
        raise checks.refusal("weights", w, accepted=f"give one number above 0 for each value, shape {y.shape}")
    return np.asarray(scipy.optimize.isotonic_regression(y, weights=w).x) if y.size else y


def bin_rates(ledger: Ledger) -> BinRates:
    """Return each bin's rate V_k / N_k and effective n, N_k^2 / sum_r(N^2 / n), from the classes with labels.

    Uploads with an untrusted score are left out, because they say nothing about the others in their bin.
    """
    ledger = ledger.by_score
    has_labels = ledger.labelled > 0
    uploads = np.where(has_labels, ledger.uploads, 0)
    weight = uploads / np.maximum(ledger.labelled, 1)
    size = uploads.sum(axis=1)
    known = size > 0
    spread = (weight * uploads).sum(axis=1)
    rate = (weight * ledger.violating).sum(axis=1) / np.where(known, size, 1)
    return BinRates(known=known, rate=np.clip(rate, 0, 1), n=size**2 / np.where(known, spread, 1))


def smoothed_rates(ledger: Ledger, low: float) -> Floats:
    """Return a violation rate for every bin that rises with the score; for charts and costs only.

    A bin without labels takes the rate of the nearest labelled bin above it if it lies below ``low``, otherwise of the
    nearest one below it. So no unlabelled bin appears safer than it is.

    Returns:
        shape (bins,), or an empty array where no bin has a label.
    """
    rates = bin_rates(ledger)
    labelled = np.flatnonzero(rates.known)
    if not labelled.size:
        return np.array([])
    fitted = isotonic(rates.rate[labelled], rates.n[labelled])
    bins = np.arange(rates.known.size)
    above = np.minimum(np.searchsorted(labelled, bins), labelled.size - 1)
    under = np.maximum(np.searchsorted(labelled, bins, side="right") - 1, 0)
    return fitted[np.where(bins < ledger.cut(low, name="low"), above, under)]


def reliability(ledger: Ledger, confidence: float = 0.95) -> tuple[ReliabilityRow, ...]:
    """Return one row per bin: its violation rate with Wilson limits at the effective n.

    Raises:
        ValueError: confidence outside (0, 1).
    """
    rates = bin_rates(ledger)
    low, high = wilson(np.minimum(rates.rate * rates.n, rates.n), rates.n, confidence)
    uploads, labels = ledger.by_score.uploads.sum(axis=1), ledger.by_score.labelled.sum(axis=1)
    return tuple(
        ReliabilityRow(
            start=float(ledger.edges[k]),
            end=float(ledger.edges[k + 1]),
            uploads=int(uploads[k]),
            labels=int(labels[k]),
            rate=float(rates.rate[k]) if rates.known[k] else None,
            low=float(low[k]) if rates.known[k] else None,
            high=float(high[k]) if rates.known[k] else None,
            hatched=bool(labels[k] < LABELS_TO_SHOW),
        )
        for k in range(rates.known.size)
    )
