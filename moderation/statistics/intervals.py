"""Confidence intervals for a share and for a weighted sum of rare counts."""

from collections.abc import Sequence
from typing import Literal, overload

import numpy as np
import scipy

from moderation.statistics import checks
from moderation.statistics.checks import Floats, Numbers

Side = Literal["two-sided", "upper", "lower"]


@overload
def wilson(x: float, n: float, confidence: float = ...) -> tuple[float, float]: ...
@overload
def wilson(x: Floats | Sequence[float], n: Numbers, confidence: float = ...) -> tuple[Floats, Floats]: ...
def wilson(
    x: Numbers | float, n: Numbers | float, confidence: float = 0.95
) -> tuple[float, float] | tuple[Floats, Floats]:
    """Return the score interval for a share, from ``x`` hits in ``n`` trials.

    Args:
        x: hits, one number or an array; effective counts need not be whole.
        n: trials, of the same shape; 0 gives (0, 1).
        confidence: in (0, 1).

    Raises:
        ValueError: x above n, a negative or a non-finite number, confidence outside (0, 1).

    Source: Wilson (1927), JASA 22:209-212; Brown, Cai, DasGupta (2001), Statistical Science 16:101-133.
    """
    hits, trials = _hits_and_trials(x, n)
    z2 = float(scipy.special.ndtri(0.5 + checks.fraction("confidence", confidence) / 2)) ** 2
    spread = hits * (trials - hits) / np.maximum(trials, 1e-300)
    middle = (hits + z2 / 2) / (trials + z2)
    half = np.sqrt(z2 * (spread + z2 / 4)) / (trials + z2)
    # At the ends the formula gives exactly 0 or 1, which rounding would miss by about 1e-17.
    low = np.where(hits == 0, 0.0, np.clip(middle - half, 0, 1))
    high = np.where(hits == trials, 1.0, np.clip(middle + half, 0, 1))
    return _as_given(low, high)


@overload
def clopper_pearson(x: float, n: float, confidence: float = ..., side: Side = ...) -> tuple[float, float]: ...
@overload
def clopper_pearson(
    x: Floats | Sequence[float], n: Numbers, confidence: float = ..., side: Side = ...
) -> tuple[Floats, Floats]: ...
def clopper_pearson(
    x: Numbers | float, n: Numbers | float, confidence: float = 0.95, side: Side = "two-sided"
) -> tuple[float, float] | tuple[Floats, Floats]:
    """Return the exact interval for a binomial share: its coverage is at least ``confidence``.

    Args:
        x: hits, one number or an array.
        n: trials, of the same shape; 0 gives (0, 1).
        confidence: in (0, 1).
        side: "two-sided"; or "upper" for (0, U), or "lower" for (L, 1), with all the error on that side.

    Raises:
        ValueError: as `wilson`; another side.

    Source: Clopper and Pearson (1934), Biometrika 26:404-413.
    """
    hits, trials = _hits_and_trials(x, n)
    if side not in {"two-sided", "upper", "lower"}:
        raise checks.refusal("side", repr(side), accepted="give 'two-sided', 'upper' or 'lower'")
    error = 1 - checks.fraction("confidence", confidence)
    tail = error / 2 if side == "two-sided" else error
    misses = trials - hits
    # The beta quantile needs positive parameters. Where one is 0, the limit is 0 or 1.
    low = np.where(hits == 0, 0.0, scipy.special.betaincinv(np.maximum(hits, 1e-9), misses + 1, tail))
    high = np.where(misses == 0, 1.0, scipy.special.betaincinv(hits + 1, np.maximum(misses, 1e-9), 1 - tail))
    return _as_given(np.zeros_like(low) if side == "upper" else low, np.ones_like(high) if side == "lower" else high)


def fay_feuer(counts: Numbers, weights: Numbers, confidence: float = 0.95) -> tuple[float, float]:
    """Return the gamma interval for ``sum(weights * counts)`` of rare (Poisson) counts.

    Args:
        counts: hits per rate class, shape (classes,).
        weights: number of uploads that one hit stands for, shape (classes,), 0 or more.
        confidence: in (0, 1).

    Raises:
        ValueError: negative or non-finite numbers, counts that are not whole, shapes that differ.

    Source: Fay and Feuer (1997), Statistics in Medicine 16:791-801.
    """
    x, w = (
        np.atleast_1d(checks.counts("counts", counts)),
        np.atleast_1d(checks.non_negative("weights", weights)),
    )
    if x.shape != w.shape or not x.size:
        raise checks.refusal("weights", w, accepted=f"give one weight for each of the {x.size} counts, one at least")
    tail = (1 - checks.fraction("confidence", confidence)) / 2
    y, v, largest = float(w @ x), float(w**2 @ x), float(w.max())
    low = _gamma_quantile(tail, mean=y, variance=v)
    return low, _gamma_quantile(1 - tail, mean=y + largest, variance=v + largest**2)


def _gamma_quantile(q: float, *, mean: float, variance: float) -> float:
    if mean == 0:
        return 0.0
    return float(scipy.special.gammaincinv(mean**2 / variance, q)) * variance / mean


def _hits_and_trials(x: Numbers | float, n: Numbers | float) -> tuple[Floats, Floats]:
    hits, trials = checks.non_negative("x", x), checks.non_negative("n", n)
    try:
        hits, trials = np.broadcast_arrays(hits, trials)
    except ValueError as error:
        raise checks.refusal("x", x, accepted=f"give the shape of n, {trials.shape}") from error
    checks.at_most("x", hits, limit_name="n", limit=trials)
    return hits, trials


def _as_given(low: Floats, high: Floats) -> tuple[float, float] | tuple[Floats, Floats]:
    """Return floats for scalar arguments, and arrays for arrays."""
    return (low, high) if low.ndim else (float(low), float(high))
