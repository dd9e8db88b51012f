"""The ledger of one epoch: counts, which are kept longer than the uploads."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from moderation.statistics import checks
from moderation.statistics.checks import Floats, Numbers
from moderation.statistics.regions import Region


@dataclass(frozen=True, eq=False)
class Ledger:
    """Counts per score bin and rate class, summed over closed days.

    A rate class holds the uploads whose stored probability of being drawn for a label, pi, is the same.
    Bin k holds scores in [edges[k], edges[k + 1]); the last bin also holds its upper edge.

    Args:
        edges: rising, shape (bins + 1,).
        uploads: all uploads, shape (bins, rate classes).
        labelled: uploads that were drawn and have a final verdict, same shape.
        violating: labelled uploads that violate, same shape.
        pi: in (0, 1], shape (rate classes,).
        missing: drawn uploads without a final verdict by the deadline; same shape, 0 by default.
        untrusted: shape (rate classes,), none by default: classes of uploads whose score is not trusted. A person
            reviews each of them, so they lie in the band at any thresholds, whatever their bin.

    Raises:
        ValueError: wrong shapes, counts that are not whole numbers of 0 or more, more violating than
            labelled, more labelled and missing than uploads, pi outside (0, 1], edges that do not rise.
    """

    edges: Floats
    uploads: Floats
    labelled: Floats
    violating: Floats
    pi: Floats
    missing: Floats
    untrusted: npt.NDArray[np.bool_]

    def __init__(  # noqa: PLR0913, PLR0917 (the columns of the ledger)
        self,
        edges: Numbers,
        uploads: Numbers,
        labelled: Numbers,
        violating: Numbers,
        pi: Numbers,
        missing: Numbers | None = None,
        untrusted: Numbers | None = None,
    ) -> None:
        fields: dict[str, npt.NDArray[Any]] = {
            "edges": checks.rising("edges", edges),
            "uploads": checks.counts("uploads", uploads),
            "labelled": checks.counts("labelled", labelled),
            "violating": checks.counts("violating", violating),
            "pi": np.atleast_1d(checks.probabilities("pi", pi)),
            "missing": checks.counts("missing", np.zeros_like(labelled) if missing is None else missing),
            "untrusted": checks.counts("untrusted", np.zeros(np.size(pi)) if untrusted is None else untrusted) > 0,
        }
        for name, value in fields.items():
            kept = value.copy()
            kept.flags.writeable = False
            object.__setattr__(self, name, kept)
        self._check()

    def _check(self) -> None:
        if self.pi.ndim != 1:
            raise checks.refusal("pi", self.pi, accepted="give one probability for each rate class")
        shape = (self.edges.size - 1, self.pi.size)
        for name in ("uploads", "labelled", "violating", "missing"):
            if (found := getattr(self, name).shape) != shape:
                raise checks.refusal(f"{name}.shape", found, accepted=f"give (bins, rate classes) = {shape}")
        if (found := self.untrusted.shape) != self.pi.shape:
            raise checks.refusal("untrusted.shape", found, accepted=f"give one for each rate class, {self.pi.shape}")
        checks.at_most("violating", self.violating, limit_name="labelled", limit=self.labelled)
        checks.at_most("labelled", self.labelled, limit_name="uploads", limit=self.uploads)
        unlabelled = self.uploads - self.labelled
        checks.at_most("missing", self.missing, limit_name="uploads - labelled", limit=unlabelled)

    @classmethod
    def from_rows(
        cls, scores: Numbers, violating: Numbers, drawn: Numbers, pi: Numbers | float, edges: Numbers
    ) -> Self:
        """Count rows, one per upload; rows of equal pi make a rate class.

        Args:
            scores: shape (rows,), each between the first and the last edge.
            violating: shape (rows,), 1 or 0; read only where ``drawn`` is true.
            drawn: shape (rows,), whether the coin drew the upload and it was labelled.
            pi: shape (rows,), the probability of being drawn, or one number for all rows.
            edges: rising, shape (bins + 1,).

        Raises:
            ValueError: shapes that differ, a score outside the edges, a verdict of a drawn row that is not 0 or 1.
        """
        grid, p = checks.rising("edges", edges), checks.finite("scores", scores)
        is_drawn, rates = _per_row("drawn", drawn, p).astype(bool), _per_row("pi", pi, p)
        if ((p < grid[0]) | (p > grid[-1])).any():
            outside = p[(p < grid[0]) | (p > grid[-1])]
            raise checks.refusal("scores", outside, accepted=f"give scores from {grid[0]} to {grid[-1]}")
        classes, of_class = np.unique(checks.probabilities("pi", rates), return_inverse=True)
        hits = _verdicts(violating, is_drawn)
        bins = np.minimum(np.searchsorted(grid, p, side="right") - 1, grid.size - 2)
        shape = (grid.size - 1, max(classes.size, 1))
        cell = bins * shape[1] + of_class
        uploads, labelled, found = (
            np.bincount(cell, weights=weights, minlength=shape[0] * shape[1]).reshape(shape)
            for weights in (np.ones(p.size), is_drawn, hits)
        )
        return cls(grid, uploads, labelled, found, classes if classes.size else [1.0])

    def __add__(self, other: "Ledger") -> "Ledger":
        """Return the sum of the counts of both; ``other`` holds further days of the same epoch."""
        same_edges = np.array_equal(self.edges, other.edges)
        same_classes = np.array_equal(self.pi, other.pi) and np.array_equal(self.untrusted, other.untrusted)
        if not same_edges or not same_classes:
            raise checks.refusal("other", other, accepted="add a ledger with the same edges and rate classes")
        return Ledger(
            self.edges,
            self.uploads + other.uploads,
            self.labelled + other.labelled,
            self.violating + other.violating,
            self.pi,
            self.missing + other.missing,
            self.untrusted,
        )

    @cached_property
    def size(self) -> float:
        return float(self.uploads.sum())

    @property
    def by_score(self) -> "Ledger":
        """The same ledger without untrusted scores: only uploads whose route depends on their score."""
        tables = (self.uploads, self.labelled, self.violating)
        uploads, labelled, violating = (np.where(self.untrusted, 0, table) for table in tables)
        return Ledger(self.edges, uploads, labelled, violating, self.pi, np.where(self.untrusted, 0, self.missing))

    def cut(self, threshold: float, *, name: str) -> int:
        """Return the number of bins below ``threshold``, which must be an edge."""
        return cut(self.edges, threshold, name=name)

    def regions(self, low: float, high: float) -> tuple[Region, Region, Region]:
        """Return the uploads below low, in the band [low, high) and from high, pooled over bins.

        Uploads with an untrusted score always count in the band.

        Raises:
            ValueError: a threshold that is not on an edge, or low above high.
        """
        first, second = self.cut(low, name="low"), self.cut(high, name="high")
        if first > second:
            raise checks.refusal("low", low, accepted=f"give at most high={high}")
        last = self.edges.size - 1
        return self._region(0, first), self._region(first, second, untrusted=1), self._region(second, last)

    def _region(self, start: int, stop: int, *, untrusted: int = 0) -> Region:
        tables = (self.uploads, self.labelled, self.violating, self.missing)
        return Region(
            *(
                np.where(self.untrusted, untrusted * table.sum(axis=0), table[start:stop].sum(axis=0))
                for table in tables
            )
        )


def cut(edges: Floats, threshold: float, *, name: str) -> int:
    """Return the index of the edge that ``threshold`` equals.

    Raises:
        ValueError: a threshold that is not an edge; ``name`` is what the message calls it.
    """
    distance = np.abs(edges - float(threshold))
    nearest = int(np.argmin(distance))
    if not distance[nearest] < 1e-9:
        raise checks.refusal(name, threshold, accepted=f"give a bin edge; the nearest is {edges[nearest]}")
    return nearest


def _per_row(name: str, value: Numbers | float, rows: Floats) -> npt.NDArray[np.float64]:
    array = checks.finite(name, value)
    if rows.ndim != 1 or array.shape not in {rows.shape, ()}:
        raise checks.refusal(f"{name}.shape", array.shape, accepted=f"give one value for each score, {rows.shape}")
    return np.broadcast_to(array, rows.shape)


def _verdicts(violating: Numbers, drawn: npt.NDArray[np.bool_]) -> Floats:
    """Return 1 for each drawn upload that violates, otherwise 0; reads ``violating`` only where ``drawn`` is true."""
    given = np.asarray(violating)
    if given.shape != drawn.shape:
        raise checks.refusal("violating.shape", given.shape, accepted=f"give one value for each score, {drawn.shape}")
    hits = np.zeros(drawn.shape)
    hits[drawn] = checks.finite("violating", given[drawn])
    if not np.isin(hits, (0, 1)).all():
        raise checks.refusal("violating", hits[~np.isin(hits, (0, 1))], accepted="give 1 (violating) or 0 (benign)")
    return hits
