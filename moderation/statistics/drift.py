"""Score drift: a hint, never proof. Error rates can change without it, as new violations need not move the scores."""

import numpy as np

from moderation.statistics import checks
from moderation.statistics.checks import Floats, Numbers

# A bin without uploads counts as half an upload, which keeps the logarithm finite.
_EMPTY_BIN = 0.5


def psi(reference: Numbers, current: Numbers, bins: int = 10) -> float | None:
    """Return the population stability index on quantile bins of the reference scores.

    Args:
        reference: scores, shape (n,).
        current: scores, shape (m,).
        bins: 10 gives the reference's deciles; equal scores can make fewer bins.

    Returns:
        0 for equal distributions; None if either side has no scores.

    Raises:
        ValueError: scores that are not finite, fewer than two bins.

    Source: Siddiqi (2006), Credit Risk Scorecards; Yurdakul and Naranjo (2020), J. Risk Model Validation 14.
    """
    before, now = _scores("reference", reference), _scores("current", current)
    if bins < 2:
        raise checks.refusal("bins", bins, accepted="give 2 or more")
    if not before.size or not now.size:
        return None
    cuts = np.unique(np.quantile(before, np.linspace(0, 1, bins + 1)[1:-1]))
    return psi_of_counts(_cells(before, cuts), _cells(now, cuts))


def psi_of_counts(reference: Numbers, current: Numbers) -> float | None:
    """Return the population stability index of two counts over the same bins, shape (bins,)."""
    before, now = _same_bins(reference, current)
    if not before.sum() or not now.sum():
        return None
    p, q = (np.maximum(cells, _EMPTY_BIN) / cells.sum() for cells in (before, now))
    return float(np.sum((q - p) * np.log(q / p)))


def merged_to_tenths(reference: Numbers, current: Numbers, parts: int = 10) -> tuple[Floats, Floats]:
    """Merge neighbouring bins of two counts until each holds about a tenth of the reference, shape (at most parts,).

    The stability index of many sparse bins would be large by chance alone. A bin that holds several tenths stays one.
    """
    before, now = _same_bins(reference, current)
    reached = np.cumsum(before) / max(before.sum(), 1.0)
    tenth = np.minimum(np.ceil(reached * parts - 1e-9), parts)
    # Bins below all reference scores join the first bin that holds some.
    _, group = np.unique(np.maximum(tenth, tenth[tenth > 0].min(initial=parts)), return_inverse=True)
    merged: tuple[Floats, Floats] = np.bincount(group, weights=before), np.bincount(group, weights=now)  # type: ignore[assignment]
    return merged


def ks_distance(reference: Numbers, current: Numbers) -> float | None:
    """Return the largest distance between the two cumulative distributions, in [0, 1].

    Args:
        reference: scores, shape (n,).
        current: scores, shape (m,).

    Returns:
        The distance, or None if either side has no scores.
    """
    before, now = np.sort(_scores("reference", reference)), np.sort(_scores("current", current))
    if not before.size or not now.size:
        return None
    at = np.concatenate([before, now])
    below_before, below_now = (np.searchsorted(side, at, side="right") / side.size for side in (before, now))
    return float(np.abs(below_before - below_now).max())


def ks_of_counts(reference: Numbers, current: Numbers) -> float | None:
    """Return the largest distance between the cumulative shares of two counts over the same bins, in [0, 1]."""
    before, now = _same_bins(reference, current)
    if not before.sum() or not now.sum():
        return None
    return float(np.abs(np.cumsum(before) / before.sum() - np.cumsum(now) / now.sum()).max())


def _scores(name: str, value: Numbers) -> Floats:
    scores = checks.finite(name, value)
    if scores.ndim != 1:
        raise checks.refusal(f"{name}.shape", scores.shape, accepted="give one list of scores")
    return scores


def _cells(scores: Floats, cuts: Floats) -> Floats:
    of_score = np.searchsorted(cuts, scores, side="right")
    return np.bincount(of_score, minlength=cuts.size + 1).astype(np.float64)


def _same_bins(reference: Numbers, current: Numbers) -> tuple[Floats, Floats]:
    before, now = checks.counts("reference", reference), checks.counts("current", current)
    if before.ndim != 1 or before.shape != now.shape:
        raise checks.refusal("current.shape", now.shape, accepted=f"give the bins of reference, {before.shape}")
    return before, now
