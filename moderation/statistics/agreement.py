"""The agreement of reviewers beyond chance: Cohen's and Fleiss' kappa, Krippendorff's alpha.

Each function returns an `AgreementCoefficient`, a float with its interval, or None where the coefficient is not
defined: no upload has two verdicts, or all verdicts are the same.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy

from moderation.statistics import checks
from moderation.statistics.checks import Floats, Numbers


class AgreementCoefficient(float):
    """A coefficient of agreement with its interval; ``low`` and ``high`` are None where there is no interval.

    ``n`` is the number of uploads that it rests on.
    """

    low: float | None
    high: float | None
    n: int

    def __new__(cls, value: float, *, error: float | None, n: int, confidence: float) -> "AgreementCoefficient":
        coefficient = super().__new__(cls, value)
        reach = None if error is None else error * float(scipy.special.ndtri(0.5 + confidence / 2))
        coefficient.low = None if reach is None else max(value - reach, -1.0)
        coefficient.high = None if reach is None else min(value + reach, 1.0)
        coefficient.n = n
        return coefficient

    @property
    def value(self) -> float:
        return float(self)


def percent_agreement(table: Numbers) -> float | None:
    """Return the share of uploads on which two reviewers agree; ``table`` as `cohen_kappa`."""
    shares, n = _square(table)
    return float(np.trace(shares)) if n else None


def cohen_kappa(table: Numbers, confidence: float = 0.95) -> AgreementCoefficient | None:
    """Return the agreement of two reviewers beyond chance.

    Args:
        table: uploads by the first reviewer's verdict (rows) and the second's (columns), shape (k, k).
        confidence: in (0, 1).

    Raises:
        ValueError: a table that is not square, counts that are negative or not whole.

    Source: Cohen (1960), Educ. Psychol. Meas. 20:37-46; standard error of Fleiss, Cohen and
    Everitt (1969), Psychological Bulletin 72:323-327.
    """
    checks.fraction("confidence", confidence)
    p, n = _square(table)
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    by_chance = float(rows @ columns)
    if not n or math.isclose(by_chance, 1):
        return None
    kappa = (float(np.trace(p)) - by_chance) / (1 - by_chance)
    loss = 1 - kappa
    agreed = float(np.diag(p) @ (1 - (rows + columns) * loss) ** 2)
    crossed = p * (columns[:, np.newaxis] + rows) ** 2
    differed = loss**2 * float(crossed.sum() - np.trace(crossed))
    variance = agreed + differed - (kappa - by_chance * loss) ** 2
    error = math.sqrt(max(variance, 0) / n) / (1 - by_chance)
    return AgreementCoefficient(kappa, error=error, n=n, confidence=confidence)


def fleiss_kappa(counts: Numbers, confidence: float = 0.95) -> AgreementCoefficient | None:
    """Return the agreement of reviewers where each upload has the same number of them.

    The interval is a jackknife over uploads.

    Args:
        counts: reviewers by upload (rows) and verdict (columns), shape (uploads, k); each row
            has the same sum, 2 or more.
        confidence: in (0, 1).

    Raises:
        ValueError: rows with different sums or with a sum below 2, counts that are negative or not whole.

    Source: Fleiss (1971), Psychological Bulletin 76:378-382.
    """
    checks.fraction("confidence", confidence)
    given = checks.counts("counts", counts)
    if not given.size:
        return None
    reviewers = given.sum(axis=-1)
    if given.ndim != 2 or (reviewers != reviewers[0]).any() or reviewers[0] < 2:
        raise checks.refusal("counts", counts, accepted="give the same number of reviewers, 2 or more, for each upload")
    agreement = ((given**2).sum(axis=1) - reviewers) / (reviewers * (reviewers - 1))
    per_upload = np.column_stack([agreement, given / reviewers[:, np.newaxis]])
    return _jackknifed(per_upload, _fleiss, confidence)


def krippendorff_alpha(ratings: Numbers, confidence: float = 0.95) -> AgreementCoefficient | None:
    """Return Krippendorff's nominal alpha for any number of reviewers, with gaps.

    Uploads with a single verdict do not count. The interval is a jackknife over uploads.

    Args:
        ratings: verdicts by reviewer (rows) and upload (columns), numbers or strings; None or
            NaN where a reviewer gave no verdict.
        confidence: in (0, 1).

    Raises:
        ValueError: rows of different lengths.

    Source: Krippendorff (2011), Computing Krippendorff's Alpha-Reliability.
    """
    return alpha_of_counts(_verdict_counts(ratings), confidence)


def alpha_of_counts(counts: Numbers, confidence: float = 0.95) -> AgreementCoefficient | None:
    """Return `krippendorff_alpha` from the number of times that each verdict was given to each upload.

    Args:
        counts: reviewers by upload (rows) and verdict (columns), shape (uploads, k).
        confidence: in (0, 1).

    Raises:
        ValueError: counts that are negative or not whole.
    """
    checks.fraction("confidence", confidence)
    verdicts = checks.counts("counts", counts)
    if verdicts.ndim != 2:
        raise checks.refusal("counts.shape", verdicts.shape, accepted="give one row for each upload")
    reviewers = verdicts.sum(axis=1)
    verdicts, reviewers = verdicts[reviewers > 1], reviewers[reviewers > 1]
    if not verdicts.size:
        return None
    # The ordered pairs of different verdicts on each upload, each weighted 1/(m - 1).
    differing = (reviewers**2 - (verdicts**2).sum(axis=1)) / (reviewers - 1)
    return _jackknifed(np.column_stack([differing, verdicts]), _alpha, confidence)


def pairwise_agreement(counts: Numbers) -> float | None:
    """Return the share of pairs of reviewers of the same upload that agree; ``counts`` as `alpha_of_counts`."""
    verdicts = checks.counts("counts", counts)
    pairs = float((verdicts.sum(axis=-1) * (verdicts.sum(axis=-1) - 1)).sum())
    return float((verdicts * (verdicts - 1)).sum()) / pairs if pairs else None


def _square(table: Numbers) -> tuple[Floats, int]:
    counts = checks.counts("table", table)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise checks.refusal("table.shape", counts.shape, accepted="give a square table, one row and column a verdict")
    n = int(counts.sum())
    return counts / max(n, 1), n


def _verdict_counts(ratings: Numbers) -> Floats:
    """Return the number of times that each verdict was given to each upload, shape (uploads, verdicts)."""
    rows = [list(row) for row in ratings]
    if len({len(row) for row in rows}) > 1:
        raise checks.refusal("ratings", [len(row) for row in rows], accepted="give one verdict or None for each upload")
    kinds = sorted({value for row in rows for value in row if not _is_gap(value)}, key=repr)
    given = np.array([[[value == kind for kind in kinds] for value in row] for row in rows], dtype=np.float64)
    return given.sum(axis=0) if given.size else np.zeros((0, 0))


def _is_gap(value: Any) -> bool:
    return value is None or bool(value != value)  # noqa: PLR0124 (NaN is not equal to itself)


def _fleiss(total: Floats) -> Floats:
    """Return kappa from sums over uploads of agreement and of each verdict's share, shape (..., 1 + verdicts)."""
    mean = total / total[..., 1:].sum(axis=-1, keepdims=True)
    by_chance = (mean[..., 1:] ** 2).sum(axis=-1)
    return _ratio(mean[..., 0] - by_chance, 1 - by_chance)


def _alpha(total: Floats) -> Floats:
    """Return alpha from sums over uploads of differing pairs and of each verdict, shape (..., 1 + verdicts)."""
    differing, verdicts = total[..., 0], total[..., 1:]
    pairable = verdicts.sum(axis=-1)
    expected = pairable**2 - (verdicts**2).sum(axis=-1)
    return _ratio(expected - (pairable - 1) * differing, expected)


def _ratio(part: Floats, whole: Floats) -> Floats:
    """Return part / whole; infinite where that is not defined."""
    defined = whole > 1e-12
    return np.where(defined, part / np.where(defined, whole, 1), np.inf)


def _jackknifed(
    per_upload: Floats, coefficient: Callable[[Floats], Floats], confidence: float
) -> AgreementCoefficient | None:
    """Return a coefficient of sums over uploads, with the standard error from leaving out each upload in turn.

    Source: Efron and Stein (1981), Annals of Statistics 9:586-596.
    """
    n, total = len(per_upload), per_upload.sum(axis=0)
    value = float(coefficient(total))
    if math.isinf(value):
        return None
    without = coefficient(total - per_upload) if n > 1 else np.array([np.inf])
    error = _jackknife_error(without) if np.isfinite(without).all() else None
    return AgreementCoefficient(value, error=error, n=n, confidence=confidence)


def _jackknife_error(without: Floats) -> float:
    return math.sqrt((without.size - 1) * float(np.var(without)))
