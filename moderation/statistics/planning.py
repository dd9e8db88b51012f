"""The number of audits needed for a certificate by a date, and how to divide audits between strata."""

import math
from dataclasses import dataclass

import numpy as np
import scipy

from moderation.statistics import checks
from moderation.statistics.checks import Floats, Numbers
from moderation.statistics.e_values import first_true, log_e_value

_MOST_LABELS = 10_000_000


@dataclass(frozen=True)
class AuditPlan:
    """The audits a day, and in all, that certify ``target`` within ``days`` with probability ``power``."""

    per_day: int
    in_all: int
    target: float
    true_rate: float
    days: int
    power: float


def audits_per_day(
    target: float, true_rate: float, days: int, power: float = 0.9, delta: float = 0.05
) -> AuditPlan | None:
    """Return the audits a day, at equal rates, that certify ``target`` within ``days``.

    If the true rate is ``true_rate``, the probability of the certificate is at least ``power``. Only the evidence of
    the last night counts here; earlier nights can only raise the probability.

    Args:
        target: of the certificate, in (0, 1).
        true_rate: assumed, in [0, 1).
        days: closed days until the date, 1 or more.
        power: in (0, 1).
        delta: in (0, 1).

    Returns:
        the plan, or None if no number of audits is enough: the true rate is not below the target, or is so close to
        it that ten million labels are too few.

    Raises:
        ValueError: a number outside these ranges.
    """
    if days < 1:
        raise checks.refusal("days", days, accepted="give 1 or more")
    labels = labels_needed(target, true_rate, power=power, delta=delta)
    if labels is None:
        return None
    per_day = math.ceil(labels / days)
    return AuditPlan(per_day, per_day * days, target=target, true_rate=true_rate, days=days, power=power)


def labels_needed(target: float, true_rate: float, *, power: float = 0.9, delta: float = 0.05) -> int | None:
    """Return the number of labels, at equal rates, that certify ``target`` with probability ``power``, or None."""
    checks.fraction("target", target)
    checks.fraction("power", power)
    rate = float(checks.finite("true_rate", true_rate))
    if not 0 <= rate < 1:
        raise checks.refusal("true_rate", true_rate, accepted="give a number from 0 to below 1")

    def enough(labels: int) -> bool:
        return _power(labels, target=target, rate=rate, delta=delta) >= power

    if rate >= target or not enough(_MOST_LABELS):
        return None
    return first_true(enough)


def most_bad(labels: int, target: float, delta: float = 0.05) -> int:
    """Return the largest number of bad ones among ``labels`` at which the target is still certified; -1 if none is."""
    enough = -math.log(checks.fraction("delta", delta))

    def refused(bad: int) -> bool:
        if bad > labels:
            return True
        return float(log_e_value([bad], [labels - bad], [1.0], target, 1.0)) < enough

    return first_true(refused) - 1


def zero_failure_size(rate: float, confidence: float = 0.95, population: int | None = None) -> int:
    """Return the smallest sample that holds a failure with probability ``confidence`` if the failure rate is ``rate``.

    This holds for one sample that is evaluated once. It is a figure to compare with, not a certificate.

    Args:
        rate: in (0, 1); in a finite population it is rounded up to whole failures.
        confidence: in (0, 1).
        population: number of uploads, sampled without replacement; None for an infinite population.

    Raises:
        ValueError: a number outside these ranges.
    """
    checks.fraction("rate", rate)
    error = 1 - checks.fraction("confidence", confidence)
    if population is None:
        return math.ceil(math.log(error) / math.log1p(-rate))
    if population < 1:
        raise checks.refusal("population", population, accepted="give 1 or more")
    failures = math.ceil(round(rate * population, 9))
    n = np.arange(1, population - failures + 1)
    log_none = _log_choose(population - failures, n) - _log_choose(population, n)
    shown = np.flatnonzero(log_none <= math.log(error))
    return int(n[shown[0]]) if shown.size else population - failures + 1


def neyman_allocation(sizes: Numbers, sds: Numbers, n: float) -> Floats:
    """Return the number of the ``n`` labels per stratum that gives the most precise total: n N_h s_h / sum N s.

    Args:
        sizes: uploads per stratum, shape (strata,).
        sds: standard deviation within each, same shape; sqrt(p (1 - p)) for a rate p.
        n: labels in all.

    Returns:
        float64 of shape (strata,), not rounded; in proportion to sizes if no stratum varies.

    Raises:
        ValueError: negative numbers, shapes that differ, only empty strata.

    Source: Neyman (1934), JRSS 97:558-625.
    """
    size, sd = checks.non_negative("sizes", sizes), checks.non_negative("sds", sds)
    labels = float(checks.non_negative("n", n))
    if size.ndim != 1 or sd.shape != size.shape or not size.sum():
        raise checks.refusal(
            "sizes", sizes, accepted="give one size and one standard deviation a stratum, not all sizes 0"
        )
    weight = size * sd if (size * sd).any() else size
    return np.asarray(labels * weight / weight.sum())


def _power(labels: int, *, target: float, rate: float, delta: float) -> float:
    """Return the probability that the labels hold few enough bad ones to certify the target."""
    most = most_bad(labels, target, delta)
    return float(scipy.special.bdtr(most, labels, rate)) if most >= 0 else 0.0


def _log_choose(n: int, k: Floats | np.typing.NDArray[np.int64]) -> Floats:
    of_n, of_k, of_rest = (scipy.special.gammaln(each + 1.0) for each in (n, k, n - k))
    return np.asarray(of_n - of_k - of_rest)
