"""Rates of many small groups, each shrunk towards the common rate."""

from dataclasses import dataclass

import numpy as np
import scipy

from moderation.statistics import checks
from moderation.statistics.checks import Floats, Numbers

# The prior counts for at least half a hit and half a miss. Without a hit in any group the likelihood is greatest for a
# weaker prior, whose limits would exclude rates that no label speaks against.
_LEAST = 0.5
_MOST_STRENGTH = 1e7


@dataclass(frozen=True)
class ShrunkRates:
    """Posterior means and equal-tailed limits per group, shape (groups,), and the fitted prior.

    ``mean`` is the common rate, ``strength`` the number of labels that it counts for.
    """

    values: Floats
    low: Floats
    high: Floats
    mean: float
    strength: float


def beta_binomial(x: Numbers, n: Numbers, confidence: float = 0.95) -> ShrunkRates | None:
    """Shrink the rates x / n by empirical Bayes with a beta prior.

    The prior's mean is the pooled rate, with half a hit and half a miss added. Its strength maximises the marginal
    likelihood, but counts for at least half a hit and half a miss. The limits take the prior as known, so they are for
    display, never for certificates.

    Args:
        x: hits per group, shape (groups,).
        n: labels per group, same shape; a group without labels gets the prior.
        confidence: in (0, 1).

    Returns:
        the shrunk rates, or None if no group has a label.

    Raises:
        ValueError: x above n, counts that are negative or not whole, shapes that differ, confidence outside (0, 1).

    Source: Casella (1985), The American Statistician 39:83-87; Griffiths (1973), Biometrics 29:637-648.
    """
    hits, labels = checks.counts("x", x), checks.counts("n", n)
    if hits.ndim != 1 or hits.shape != labels.shape:
        raise checks.refusal("x.shape", hits.shape, accepted=f"give one number per group, as n, {labels.shape}")
    checks.at_most("x", hits, limit_name="n", limit=labels)
    tail = (1 - checks.fraction("confidence", confidence)) / 2
    if not labels.sum():
        return None
    mean = float((hits.sum() + 0.5) / (labels.sum() + 1))
    strength = _strength(hits, labels, mean=mean)
    alpha, beta = mean * strength + hits, (1 - mean) * strength + labels - hits
    return ShrunkRates(
        values=alpha / (alpha + beta),
        low=np.asarray(scipy.special.betaincinv(alpha, beta, tail)),
        high=np.asarray(scipy.special.betaincinv(alpha, beta, 1 - tail)),
        mean=mean,
        strength=strength,
    )


def _strength(hits: Floats, labels: Floats, *, mean: float) -> float:
    def loss(log_strength: float) -> float:
        alpha, beta = mean * np.exp(log_strength), (1 - mean) * np.exp(log_strength)
        marginal = scipy.special.betaln(alpha + hits, beta + labels - hits) - scipy.special.betaln(alpha, beta)
        return -float(marginal.sum())

    # The likelihood can be flat or have its maximum at an end, so find the best cell of a grid before refining.
    least = _LEAST / min(mean, 1 - mean)
    grid = np.linspace(np.log(least), np.log(max(_MOST_STRENGTH, 2 * least)), 60)
    best = int(np.argmin([loss(point) for point in grid]))
    bounds = (grid[max(best - 1, 0)], grid[min(best + 1, grid.size - 1)])
    return float(np.exp(scipy.optimize.minimize_scalar(loss, bounds=bounds, method="bounded").x))
