"""Two classifiers' scores against each other as shapes for an SVG template. Pure: counts in, coordinates out."""

from dataclasses import dataclass
from math import log

from moderation.statistics.joint_histogram import JointHistogram, Pair

SIDE = 25
LEFT, TOP, PLOT, EDGE = 54, 12, 400, 46
WIDTH, HEIGHT = LEFT + PLOT + 14, TOP + PLOT + EDGE
FAINTEST = 0.18


@dataclass(frozen=True, kw_only=True)
class Cell:
    x: float
    y: float
    size: float
    strength: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A tick or a threshold along one axis."""

    at: float
    label: str


@dataclass(frozen=True, kw_only=True)
class HeatMap:
    """Columns are the scores that rule, rows those of the shadow; the darker, the more uploads (logarithmic)."""

    cells: list[Cell]
    across: list[Mark]
    up: list[Mark]
    thresholds_across: list[Mark]
    thresholds_up: list[Mark]
    left: int = LEFT
    top: int = TOP
    width: int = WIDTH
    height: int = HEIGHT
    floor: int = TOP + PLOT
    end: int = LEFT + PLOT


def heat_map(beside: JointHistogram, *, now: Pair, then: Pair) -> HeatMap:
    """``now`` and ``then`` are the thresholds in force and the candidates, as steps of the grid."""
    steps = beside.steps
    ticks = [tick / 4 for tick in range(5)]
    return HeatMap(
        cells=_cells(beside),
        across=[Mark(at=_x(tick), label=f"{tick:g}") for tick in ticks],
        up=[Mark(at=_y(tick), label=f"{tick:g}") for tick in ticks],
        thresholds_across=[Mark(at=_x(cut / steps), label=f"{cut / steps:.2f}") for cut in now],
        thresholds_up=[Mark(at=_y(cut / steps), label=f"{cut / steps:.2f}") for cut in then],
    )


def _cells(beside: JointHistogram) -> list[Cell]:
    found = list(beside.cells(side=SIDE))
    most = max((uploads for *_, uploads in found), default=1)
    return [
        Cell(
            x=_x(column / SIDE),
            y=_y((row + 1) / SIDE),
            size=PLOT / SIDE,
            strength=round(FAINTEST + (1 - FAINTEST) * log(uploads + 1) / log(most + 1), 3),
            text=f"{_span(column)} now, {_span(row)} in the shadow: {uploads:,} uploads",
        )
        for column, row, uploads in found
    ]


def _span(cell: int) -> str:
    return f"{cell / SIDE:.2f} to {(cell + 1) / SIDE:.2f}"


def _x(share: float) -> float:
    return round(LEFT + PLOT * share, 1)


def _y(share: float) -> float:
    return round(TOP + PLOT * (1 - share), 1)
