"""Counts of uploads by the scores of two classifiers: shares, routes that would change, a pair to start from.

Scores are counted in the bins of a grid: bin k holds [edges[k], edges[k + 1]), and the last bin everything from its
edge up. Thresholds lie on the grid, so nothing here is rounded.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import sqrt

# Low and high, each as a step of the grid.
Pair = tuple[int, int]


def region(bin_: int, pair: Pair) -> int:
    """Return 0 for a bin below low, 1 for one in the band, 2 for one from high on."""
    low, high = pair
    return (bin_ >= low) + (bin_ >= high)


@dataclass(frozen=True, slots=True)
class JointHistogram:
    """Uploads counted by the scores of two classifiers, over a grid of ``steps`` + 1 bins.

    ``counts[now, then]`` uploads have a score in bin ``now`` by the first classifier and in bin ``then`` by the second.
    """

    counts: Mapping[tuple[int, int], int]
    steps: int

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def now(self) -> list[int]:
        """Return the number of uploads in each bin of the first classifier."""
        return self._margin(0)

    def then(self) -> list[int]:
        """Return the number of uploads in each bin of the second classifier."""
        return self._margin(1)

    def flows(self, now: Pair, then: Pair) -> dict[tuple[int, int], int]:
        """Return uploads by (region of the first score at ``now``, region of the second score at ``then``)."""
        found: Counter[tuple[int, int]] = Counter()
        for (one, other), uploads in self.counts.items():
            found[region(one, now), region(other, then)] += uploads
        return dict(found)

    def same_shares(self, pair: Pair) -> Pair:
        """Return the second classifier's pair whose shares of the three routes are nearest to those of ``pair``.

        Use it only as a starting point when nothing else is known about the second classifier's scores: equal shares
        are no evidence of equal errors.
        """
        now, then = self._below(self.now()), self._below(self.then())
        low, high = (_nearest(then, wanted=now[cut]) for cut in pair)
        return low, max(low, high)

    def rank_correlation(self) -> float | None:
        """Return Spearman's rho over the bins, with ties at their mean rank; None if one classifier fills one bin."""
        rows, columns = _mean_ranks(self.now()), _mean_ranks(self.then())
        middle = (self.total + 1) / 2
        up = across = both = 0.0
        for (one, other), uploads in self.counts.items():
            x, y = rows[one] - middle, columns[other] - middle
            up, across, both = up + uploads * x * x, across + uploads * y * y, both + uploads * x * y
        return both / sqrt(up * across) if up and across else None

    def cells(self, *, side: int) -> Iterator[tuple[int, int, int]]:
        """Yield column, row and uploads of a coarser table with ``side`` x ``side`` bins."""
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
        """Return the number of uploads below each step of the grid."""
        return [0, *accumulate(bins)][:-1]


def _mean_ranks(bins: Sequence[int]) -> list[float]:
    ends = list(accumulate(bins))
    return [end - (uploads - 1) / 2 for end, uploads in zip(ends, bins, strict=True)]


def _nearest(rising: Sequence[int], *, wanted: int) -> int:
    return min(range(len(rising)), key=lambda k: (abs(rising[k] - wanted), k))
