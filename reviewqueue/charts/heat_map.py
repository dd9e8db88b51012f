"""Two classifiers' scores against each other, as shapes for an SVG template. Pure: counts in, shapes out."""

from dataclasses import dataclass
from math import log

from moderation.formatting import thousands, threshold
from moderation.statistics.joint_histogram import JointHistogram, Pair
from reviewqueue.charts.shapes import Cell, Mark

SIDE = 25
LEFT, TOP, PLOT, EDGE = 54, 12, 400, 46
WIDTH, HEIGHT = LEFT + PLOT + 14, TOP + PLOT + EDGE
FAINTEST = 0.18


@dataclass(frozen=True, kw_only=True)
class HeatMap:
    """Columns are the active classifier's scores, rows those in shadow mode. Darker: more uploads (logarithmic)."""

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


def heat_map(scores: JointHistogram, *, now: Pair, then: Pair) -> HeatMap:
    """Draw ``scores`` with the thresholds in force (``now``) and the candidates (``then``), both in grid steps."""
    steps = scores.steps
    ticks = [tick / 4 for tick in range(5)]
    return HeatMap(
        cells=_cells(scores),
        across=[Mark(at=_x(tick), label=f"{tick:g}") for tick in ticks],
        up=[Mark(at=_y(tick), label=f"{tick:g}") for tick in ticks],
        thresholds_across=[Mark(at=_x(cut / steps), label=threshold(cut / steps)) for cut in now],
        thresholds_up=[Mark(at=_y(cut / steps), label=threshold(cut / steps)) for cut in then],
    )


def _cells(scores: JointHistogram) -> list[Cell]:
    cells = list(scores.cells(side=SIDE))
    most = max((uploads for *_, uploads in cells), default=1)
    return [
        Cell(
            x=_x(column / SIDE),
            y=_y((row + 1) / SIDE),
            size=PLOT / SIDE,
            strength=round(FAINTEST + (1 - FAINTEST) * log(uploads + 1) / log(most + 1), 3),
            text=f"{_span(column)} now, {_span(row)} in shadow mode: {thousands(uploads)} uploads",
        )
        for column, row, uploads in cells
    ]


def _span(cell: int) -> str:
    return f"{threshold(cell / SIDE)} to {threshold((cell + 1) / SIDE)}"


def _x(share: float) -> float:
    return round(LEFT + PLOT * share, 1)


def _y(share: float) -> float:
    return round(TOP + PLOT * (1 - share), 1)
