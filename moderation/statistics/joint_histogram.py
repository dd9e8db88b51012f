"""Two classifiers on the same uploads, in counts by both scores: shares, routes that flip, a pair to start from.

Scores are counted in bins of a grid: bin k holds [edges[k], edges[k + 1]), the last one what lies at its edge or
above. Thresholds lie on the grid, so that nothing here is rounded.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import sqrt

#: Approve, review, reject, from the least score on.
REGIONS = 3
Pair = tuple[int, int]


def region(bin_: int, pair: Pair) -> int:
    """0 below low, 1 in the band, 2 from high on; thresholds as steps of the grid."""
    low, high = pair
    return (bin_ >= low) + (bin_ >= high)


@dataclass(frozen=True, slots=True)
class JointHistogram:
    """``counts[now, then]`` uploads whose score lies in bin ``now`` by one classifier and ``then`` by the other."""

    counts: Mapping[tuple[int, int], int]
    steps: int

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def now(self) -> list[int]:
        """Uploads in each bin of the first classifier."""
        return self._margin(0)

    def then(self) -> list[int]:
        return self._margin(1)

    def flows(self, now: Pair, then: Pair) -> dict[tuple[int, int], int]:
        """Uploads by (region under the first classifier and pair, region under the second)."""
        found: Counter[tuple[int, int]] = Counter()
        for (one, other), uploads in self.counts.items():
            found[region(one, now), region(other, then)] += uploads
        return dict(found)

    def same_shares(self, pair: Pair) -> Pair:
        """The second classifier's pair that sends uploads each way in shares nearest to those of ``pair``.

        Somewhere to start from when nothing else is known of the second one's scores, and never more than that:
        equal shares are no evidence of equal errors.
        """
        now, then = self._below(self.now()), self._below(self.then())
        low, high = (_nearest(then, wanted=now[cut]) for cut in pair)
        return low, max(low, high)

    def rank_correlation(self) -> float | None:
        """Spearman's rho over the bins, ties at their mean rank; None where one classifier says the same of all."""
        rows, columns = _mean_ranks(self.now()), _mean_ranks(self.then())
        middle = (self.total + 1) / 2
        up = across = both = 0.0
        for (one, other), uploads in self.counts.items():
            x, y = rows[one] - middle, columns[other] - middle
            up, across, both = up + uploads * x * x, across + uploads * y * y, both + uploads * x * y
        return both / sqrt(up * across) if up and across else None

    def cells(self, *, side: int) -> Iterator[tuple[int, int, int]]:
        """Column, row and uploads of a coarser square table of ``side`` x ``side`` bins."""
        found: Counter[tuple[int, int]] = Counter()
        for (one, other), uploads in self.counts.items():
            found[min(one * side // self.steps, side - 1), min(other * side // self.steps, side - 1)] += uploads
        return ((column, row, uploads) for (column, row), uploads in sorted(found.items()))

    def _margin(self, axis: int) -> list[int]:
        sums = [0] * (self.steps + 1)
        for key, uploads in self.counts.items():
            sums[key[axis]] += uploads
        return sums

    @staticmethod
    def _below(bins: Sequence[int]) -> list[int]:
        """How many uploads lie below each step of the grid."""
        return [0, *accumulate(bins)][:-1]


def _mean_ranks(bins: Sequence[int]) -> list[float]:
    ends = list(accumulate(bins))
    return [end - (uploads - 1) / 2 for end, uploads in zip(ends, bins, strict=True)]


def _nearest(rising: Sequence[int], *, wanted: int) -> int:
    return min(range(len(rising)), key=lambda k: (abs(rising[k] - wanted), k))
