"""The accuracy of scores on a labelled sample, and the precision that they would have at another prevalence."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from moderation.statistics import checks
from moderation.statistics.checks import Floats
from moderation.statistics.intervals import wilson


@dataclass(frozen=True, slots=True)
class AccuracyEstimate:
    """A number with its 95 % interval; ``value`` is None where no upload bears on it."""

    value: float | None
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdAccuracy:
    """The accuracy of one threshold; an upload is found when its score is at or above it.

    Attributes:
        precision: share of violating uploads among those found, at the sample's own prevalence.
        precision_at: the same share at the stated prevalence.
        recall: share of the violating uploads that are found.
        false_alarms: share of the benign uploads that are found.
    """

    threshold: float
    precision: AccuracyEstimate
    precision_at: AccuracyEstimate
    recall: AccuracyEstimate
    false_alarms: AccuracyEstimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """The accuracy of scores on one labelled sample; ``accuracy`` is that at the threshold 0.5."""

    violating: int
    benign: int
    prevalence: float
    stated_prevalence: float
    accuracy: AccuracyEstimate
    auc: AccuracyEstimate
    points: list[ThresholdAccuracy]


def assess(
    scores: Sequence[float], *, violating: Sequence[bool], prevalence: float, thresholds: Sequence[float]
) -> Accuracy:
    """Compare ``scores`` with the truth.

    Args:
        scores: probabilities, one for each upload.
        violating: whether each upload violates; there must be violating and benign ones.
        prevalence: the share of violating uploads on the platform, in (0, 1).
        thresholds: the thresholds to compute precision and recall for.

    Raises:
        ValueError: lengths that differ, only one kind of upload, a prevalence outside (0, 1).
    """
    checks.fraction("prevalence", prevalence)
    found, truth = np.asarray(scores, dtype=float), np.asarray(violating, dtype=bool)
    if found.shape != truth.shape or truth.all() or not truth.any():
        raise ValueError(
            f"{truth.sum()} violating of {truth.size} labels for {found.size} scores; both kinds are needed"
        )
    positive, negative = found[truth], found[~truth]
    right = int((positive >= 0.5).sum() + (negative < 0.5).sum())
    return Accuracy(
        violating=len(positive),
        benign=len(negative),
        prevalence=len(positive) / len(found),
        stated_prevalence=prevalence,
        accuracy=_share(right, len(found)),
        auc=_auc(positive, negative),
        points=[_point(each, positive=positive, negative=negative, prevalence=prevalence) for each in thresholds],
    )


def precision_at(prevalence: float, *, recall: float, false_alarms: float) -> float | None:
    """Return the share of violating uploads among those found, by Bayes' rule; None if nothing is found."""
    found = recall * prevalence + false_alarms * (1 - prevalence)
    return recall * prevalence / found if found else None


def _share(hits: int, trials: int, *, confidence: float = 0.95) -> AccuracyEstimate:
    low, high = wilson(hits, trials, confidence)
    return AccuracyEstimate(hits / trials if trials else None, low, high)


def _point(threshold: float, *, positive: Floats, negative: Floats, prevalence: float) -> ThresholdAccuracy:
    hits, alarms = int((positive >= threshold).sum()), int((negative >= threshold).sum())
    return ThresholdAccuracy(
        threshold=threshold,
        precision=_share(hits, hits + alarms),
        precision_at=_at(prevalence, hits=hits, positive=len(positive), alarms=alarms, negative=len(negative)),
        recall=_share(hits, len(positive)),
        false_alarms=_share(alarms, len(negative)),
    )


def _at(prevalence: float, *, hits: int, positive: int, alarms: int, negative: int) -> AccuracyEstimate:
    """Return the precision with limits from two 97.5 % intervals, which hold together in at least 95 % of samples."""
    recall, false_alarms = (_share(x, n, confidence=0.975) for x, n in ((hits, positive), (alarms, negative)))
    value = precision_at(prevalence, recall=hits / positive, false_alarms=alarms / negative)
    low = precision_at(prevalence, recall=recall.low, false_alarms=false_alarms.high)
    high = precision_at(prevalence, recall=recall.high, false_alarms=false_alarms.low)
    return AccuracyEstimate(value, low if low is not None else 0.0, high if high is not None else 1.0)


def _auc(positive: Floats, negative: Floats) -> AccuracyEstimate:
    """Return the probability that a violating upload scores above a benign one; ties count half.

    Source of the interval: Hanley and McNeil (1982), Radiology 143:29-36, on the logit scale.
    """
    n, m = len(positive), len(negative)
    ranks = scipy.stats.rankdata(np.concatenate([positive, negative]))
    auc = float((ranks[:n].sum() - n * (n + 1) / 2) / (n * m))
    if auc in (0.0, 1.0):
        # The formula's variance is 0 here, which would claim certainty. 3 / n is the 95 % limit after no miss among n.
        slack = min(1.0, 3 / min(n, m))
        return AccuracyEstimate(auc, max(0.0, auc - slack), min(1.0, auc + slack))
    one, two = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = (auc * (1 - auc) + (n - 1) * (one - auc**2) + (m - 1) * (two - auc**2)) / (n * m)
    half = 1.959964 * variance**0.5 / (auc * (1 - auc))
    low, high = scipy.special.expit(scipy.special.logit(auc) + np.array([-half, half]))
    return AccuracyEstimate(auc, float(low), float(high))
