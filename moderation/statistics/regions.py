"""The number of violating or benign uploads in a region, with limits, from its labelled sample."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from moderation.statistics.checks import Floats
from moderation.statistics.intervals import clopper_pearson, fay_feuer, wilson

# An estimate is shown only with at least this number of labels in each sampled region.
LABELS_TO_SHOW = 30


@dataclass(frozen=True)
class Region:
    """Counts of one region (below low, the band, or from high), each of shape (rate classes,)."""

    uploads: Floats
    labelled: Floats
    violating: Floats
    missing: Floats

    @property
    def size(self) -> float:
        return float(self.uploads.sum())

    @property
    def labels(self) -> int:
        return int(self.labelled.sum())

    @property
    def may_be_shown(self) -> bool:
        """Whether there are enough labels to show an estimate: 30, or every upload was drawn."""
        drawn = self.labelled + self.missing
        return self.labels >= LABELS_TO_SHOW or bool((drawn == self.uploads).all())


@dataclass(frozen=True)
class Total:
    """An estimated number of uploads with its limits; ``value`` is None if a rate class has uploads but no label."""

    value: float | None
    low: float
    high: float


@dataclass(frozen=True)
class ConfidenceLimits:
    """The method of limits for one sample: Wilson's, or exact ones (Clopper-Pearson)."""

    confidence: float
    exact: bool = False

    def of_share(self, hits: float, drawn: float) -> tuple[float, float]:
        return (clopper_pearson if self.exact else wilson)(hits, drawn, self.confidence)


def violating_total(region: Region, *, limits: ConfidenceLimits) -> Total:
    return _estimated(region, hits=region.violating, limits=limits)


def benign_total(region: Region, *, limits: ConfidenceLimits) -> Total:
    return _estimated(region, hits=region.labelled - region.violating, limits=limits)


def remainder(region: Region, total: Total) -> Total:
    """Return the region's size less ``total``: the violating uploads from the benign ones, or the reverse."""
    value = None if total.value is None else region.size - total.value
    return Total(value=value, low=region.size - total.high, high=region.size - total.low)


def joined(parts: Sequence[Total]) -> Total:
    """Return the sum of independent parts, with their limits joined around the estimate.

    Source: Zou and Donner (2008), Statistics in Medicine 27:1693-1702 (MOVER).
    """
    known = [(part.value, part.low, part.high) for part in parts if part.value is not None]
    if len(known) < len(parts):
        return Total(value=None, low=sum(part.low for part in parts), high=sum(part.high for part in parts))
    value, low, high = np.array(known).T
    middle = float(value.sum())
    return Total(
        value=middle,
        low=max(middle - float(np.hypot.reduce(value - low)), 0.0),
        high=middle + float(np.hypot.reduce(high - value)),
    )


def _estimated(region: Region, *, hits: Floats, limits: ConfidenceLimits) -> Total:
    if ((region.labelled == 0) & (region.uploads > 0)).any():
        return Total(value=None, low=0.0, high=region.size)
    drawn = region.labelled + region.missing
    # The lower limit counts no missing verdict as a hit, the upper limit counts all of them.
    low, _ = _bounds(region.uploads, drawn, hits, limits)
    _, high = _bounds(region.uploads, drawn, hits + region.missing, limits)
    value = float(np.sum(region.uploads * hits / np.maximum(region.labelled, 1)))
    return Total(value=value, low=low, high=high)


def _bounds(uploads: Floats, drawn: Floats, hits: Floats, limits: ConfidenceLimits) -> tuple[float, float]:
    """Return limits for the number of hits; classes that were labelled entirely add their known number."""
    sampled = drawn < uploads
    known = float(hits[~sampled].sum())
    low, high = _sampled_bounds(uploads[sampled], drawn[sampled], hits[sampled], limits)
    return known + low, known + high


def _sampled_bounds(uploads: Floats, drawn: Floats, hits: Floats, limits: ConfidenceLimits) -> tuple[float, float]:
    if not uploads.size:
        return 0.0, 0.0
    size = float(uploads.sum())
    if uploads.size == 1:  # one equal-probability sample
        low, high = limits.of_share(float(hits[0]), float(drawn[0]))
        return low * size, high * size
    low, high = fay_feuer(hits, uploads / drawn, limits.confidence)
    return min(low, size), min(high, size)
