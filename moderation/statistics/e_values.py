"""The e-value of one claim "risk < target", from counts of labelled uploads.

Each labelled upload multiplies E_c by 1 - lambda (num - target den) / pi, with lambda = c pi_floor / (1 - target).
Over closed days the product is bounded by a non-negative martingale that depends on the coin alone. So, by Ville's
inequality, the probability that E reaches 1/delta while the realised risk is at or above the target is at most delta,
at any stopping time.

Source: Waudby-Smith and Ramdas (2024), JRSS B 86:1-27 (betting); Ville (1939). docs/statistics.md derives the form
for a coin with known, unequal probabilities.
"""

import math
from collections.abc import Callable

import numpy as np
import scipy

from moderation.statistics import checks
from moderation.statistics.checks import Floats, Numbers

BETS = np.array([0.25, 0.5, 0.75, 1.0])

# Log odds beyond which a float cannot distinguish the target from 0 or from 1.
_LOG_ODDS_ENDS = (-700.0, 700.0)


def log_e_value(bad: Numbers, good: Numbers, pi: Numbers, target: float, pi_floor: float) -> float | Floats:
    """Return log E for the claim that the risk is below ``target``.

    Args:
        bad: labelled uploads with num = 1 per rate class, shape (..., classes).
        good: labelled uploads with den = 1 and num = 0, same shape.
        pi: stored probability of each class, shape (classes,).
        target: in (0, 1).
        pi_floor: declared when the epoch opened, in (0, 1]; no class with bad uploads has a smaller pi.

    Returns:
        a float, or an array of shape (...) if the counts have leading axes.

    Raises:
        ValueError: negative counts, shapes that differ, pi or pi_floor outside (0, 1], target
            outside (0, 1), bad uploads in a class whose pi is below pi_floor.
    """
    b, g, rho = checked_counts(bad, good, pi, pi_floor)
    t = checks.fraction("target", target)
    if ((b > 0) & (rho > 1)).any():
        raise checks.refusal("pi_floor", pi_floor, accepted=f"give at most each pi that holds bad uploads, pi={pi}")
    log_e = _log_e(b, g, rho, odds=t / (1 - t))
    return log_e if log_e.ndim else float(log_e)


def e_value(bad: Numbers, good: Numbers, pi: Numbers, target: float, pi_floor: float) -> float | Floats:
    """Return E, with the arguments of `log_e_value`; the claim is certified at 95 % when E reaches 20.

    An E too large for a float is infinity.
    """
    log_e = log_e_value(bad, good, pi, target, pi_floor)
    with np.errstate(over="ignore"):
        e = np.exp(log_e)
    return e if isinstance(log_e, np.ndarray) else float(e)


def upper_bound(bad: Numbers, good: Numbers, pi: Numbers, pi_floor: float, delta: float = 0.05) -> float:
    """Return the largest target that is not certified: the risk is below it at confidence 1 - delta.

    It is valid however often it is computed. Without labels it is 1.

    Args:
        bad: per rate class, shape (classes,), as in `log_e_value`.
        good: same shape.
        pi: same shape.
        pi_floor: in (0, 1].
        delta: in (0, 1).

    Raises:
        ValueError: as `log_e_value`.
    """
    log_e_value(bad, good, pi, 0.5, pi_floor)  # refuses wrong arguments
    b, g, rho = checked_counts(bad, good, pi, pi_floor)
    log_enough = -math.log(checks.fraction("delta", delta))

    def shortfall(log_odds: float) -> float:
        return float(_log_e(b, g, rho, odds=math.exp(log_odds))) - log_enough

    smallest, largest = _LOG_ODDS_ENDS
    if shortfall(largest) < 0:
        return 1.0
    return float(scipy.special.expit(scipy.optimize.brentq(shortfall, smallest, largest, xtol=1e-12)))


def clean_checks_needed(  # noqa: PLR0913, PLR0917 (the claim's numbers)
    bad: Numbers, good: Numbers, pi: Numbers, target: float, pi_floor: float, delta: float = 0.05
) -> int:
    """Return the number of further good labels, without a bad one, that would certify the claim; 0 if it is certified.

    They are counted in the class with the smallest pi that can hold bad uploads, which is the smallest pi from
    pi_floor up.

    Raises:
        ValueError: as `log_e_value`.
    """
    b, g, rho = checked_counts(bad, good, pi, pi_floor)
    enough = -math.log(checks.fraction("delta", delta))
    extra = np.zeros(rho.size)
    extra[np.argmax(np.where(rho <= 1, rho, -rho))] = 1

    def certified(further: int) -> bool:
        return float(log_e_value(b, g + further * extra, pi, target, pi_floor)) >= enough

    return first_true(certified)


def recognised(miss_share: float) -> float:
    """Return the share of violations that are confirmed if each reviewer misses the share ``miss_share`` (f).

    A second reviewer confirms a violating verdict and a third breaks a tie, which gives (1 - f)^2 (1 + f). Leak, miss
    and escapes are tested at the target times this share and shown divided by it.
    """
    share = float(checks.finite("miss_share", miss_share))
    if not 0 <= share < 1:
        raise checks.refusal("miss_share", miss_share, accepted="give a number from 0 to below 1")
    return (1 - share) ** 2 * (1 + share)


def checked_counts(bad: Numbers, good: Numbers, pi: Numbers, pi_floor: float) -> tuple[Floats, Floats, Floats]:
    """Return bad, good and rho = pi_floor / pi as arrays whose last axis is the rate class."""
    b, g = (np.atleast_1d(checks.counts(name, value)) for name, value in (("bad", bad), ("good", good)))
    rates = np.atleast_1d(checks.probabilities("pi", pi))
    if rates.ndim != 1 or not rates.size:
        raise checks.refusal("pi", pi, accepted="give one probability for each rate class")
    for name, counts in (("bad", b), ("good", g)):
        if counts.shape[-1] != rates.size or counts.shape != b.shape:
            raise checks.refusal(
                f"{name}.shape", counts.shape, accepted=f"give (..., {rates.size}) like pi, bad and good"
            )
    return b, g, checks.probability("pi_floor", pi_floor) / rates


def _log_e(bad: Floats, good: Floats, rho: Floats, *, odds: float) -> Floats:
    """Return log of the mean of E_c over the bets; c rho = 1 with a bad upload gives E_c = 0."""
    stakes = BETS[:, np.newaxis] * rho
    lost = scipy.special.xlog1py(bad[..., np.newaxis, :], -stakes)
    log_bets = lost + good[..., np.newaxis, :] * np.log1p(stakes * odds)
    return np.asarray(scipy.special.logsumexp(log_bets.sum(axis=-1), axis=-1)) - math.log(BETS.size)


def first_true(condition: Callable[[int], bool]) -> int:
    """Return the smallest whole number from 0 up at which a condition holds; it must hold for all larger numbers."""
    if condition(0):
        return 0
    above = 1
    while not condition(above):
        above *= 2
    below = above // 2
    while above - below > 1:
        middle = (below + above) // 2
        below, above = (below, middle) if condition(middle) else (middle, above)
    return above
