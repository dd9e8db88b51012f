"""The score histogram as shapes for an SVG template. Pure: counts in, shapes out.

Scores and thresholds are whole grid steps, 0 to STEPS.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log10

from moderation.formatting import thousands, threshold
from moderation.routing import Route
from reviewqueue.charts.shapes import Bar, Mark, ThresholdLine, Zone

STEPS = 100
ROUTE_WORDS = {Route.APPROVE: "approve", Route.REVIEW: "review", Route.REJECT: "reject"}
# A bar of one upload must be visible, so the axis starts at half an upload.
ONE_UPLOAD = 0.5


@dataclass(frozen=True, kw_only=True)
class ChartFrame:
    """The size of the drawing, the margins around the plot, and how many grid steps one bar holds."""

    name: str
    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    steps_per_bar: int
    ticks: tuple[int, ...]
    letter: float

    @property
    def floor(self) -> int:
        return self.height - self.bottom

    @property
    def end(self) -> int:
        return self.width - self.right

    @property
    def middle(self) -> float:
        return (self.left + self.end) / 2

    def x(self, step: float) -> float:
        return round(self.left + (self.end - self.left) * step / STEPS, 1)


WIDE = ChartFrame(
    name="wide", width=1200, height=290, left=58, right=14, top=46, bottom=34, steps_per_bar=2,
    ticks=(0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100), letter=7.2,
)  # fmt: skip
NARROW = ChartFrame(
    name="narrow", width=340, height=270, left=42, right=10, top=50, bottom=28, steps_per_bar=5,
    ticks=(0, 20, 40, 60, 80, 100), letter=6.6,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ThresholdSteps:
    """Low and high, in grid steps."""

    low: int
    high: int

    def region(self, step: int) -> Route:
        if step < self.low:
            return Route.APPROVE
        return Route.REJECT if step >= self.high else Route.REVIEW

    def pieces(self, first: int, last: int) -> Iterator[tuple[int, int, Route]]:
        """Cut the steps [first, last) at each threshold within them: first step, last step and route of each piece."""
        cuts = sorted({first, last, *(cut for cut in (self.low, self.high) if first < cut < last)})
        return ((one, other, self.region(one)) for one, other in pairwise(cuts))


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """``in_force`` holds the x of both thresholds in force, for lines beside a proposal; empty without one."""

    frame: ChartFrame
    bars: list[Bar]
    counts: list[Mark]
    scores: list[Mark]
    zones: list[Zone]
    lines: list[ThresholdLine]
    in_force: list[float]


@dataclass(frozen=True, kw_only=True)
class HistogramRow:
    """A bar's numbers as text, for the table below the chart."""

    scores: str
    uploads: int
    routes: str


def histogram(
    bins: Sequence[int], *, proposed: ThresholdSteps, in_force: ThresholdSteps, frame: ChartFrame
) -> Histogram:
    """Draw ``bins`` (STEPS + 1 counts, the last one scores of exactly 1) on a logarithmic scale."""
    bars = list(_bars(bins, frame.steps_per_bar))
    tallest = max((count for *_, count in bars), default=0)
    pieces = (_pieces(bar, pair=proposed, frame=frame, tallest=tallest) for bar in bars)
    return Histogram(
        frame=frame,
        bars=[piece for bar in pieces for piece in bar],
        counts=[Mark(at=_y(count, frame, tallest), label=thousands(count)) for count in _powers_of_ten(tallest)],
        scores=[Mark(at=frame.x(step), label=f"{step / STEPS:g}") for step in frame.ticks],
        zones=[_zone(*piece, frame=frame) for piece in proposed.pieces(0, STEPS)],
        lines=_lines(proposed, frame=frame),
        in_force=[] if proposed == in_force else [frame.x(in_force.low), frame.x(in_force.high)],
    )


def rows(bins: Sequence[int], *, proposed: ThresholdSteps, steps_per_row: int = 5) -> list[HistogramRow]:
    """Return the histogram as a table."""
    return [
        HistogramRow(
            scores=_span(first, last),
            uploads=count,
            routes=", ".join(ROUTE_WORDS[route] for *_, route in proposed.pieces(first, last)),
        )
        for first, last, count in _bars(bins, steps_per_row)
    ]


def _bars(bins: Sequence[int], width: int) -> Iterator[tuple[int, int, int]]:
    """Yield first step, last step and uploads of each bar. Scores of exactly 1 count in the last bar."""
    for first in range(0, STEPS, width):
        last = first + width
        yield first, last, sum(bins[first : last + (last == STEPS)])


def _pieces(bar: tuple[int, int, int], *, pair: ThresholdSteps, frame: ChartFrame, tallest: int) -> Iterator[Bar]:
    first, last, count = bar
    if not count:
        return
    y = _y(count, frame, tallest)
    for one, other, route in pair.pieces(first, last):
        # Bars have a gap between them; the parts of one bar have none.
        x, end = frame.x(one) + (one == first), frame.x(other) - (other == last)
        text = f"{_span(first, last)}: {thousands(count)} uploads, {ROUTE_WORDS[route]}"
        yield Bar(x=x, y=y, width=round(end - x, 1), height=round(frame.floor - y, 1), route=route, text=text)


def _span(first: int, last: int) -> str:
    return f"{threshold(first / STEPS)} to {threshold(last / STEPS)}"


def _y(count: int, frame: ChartFrame, tallest: int) -> float:
    share = log10(count / ONE_UPLOAD) / log10(max(tallest, 2) / ONE_UPLOAD)
    return round(frame.floor - share * (frame.floor - frame.top), 1)


def _powers_of_ten(tallest: int) -> list[int]:
    return [10**power for power in range(len(str(tallest)))] if tallest else []


def _zone(first: int, last: int, route: Route, *, frame: ChartFrame) -> Zone:
    x, end = frame.x(first), frame.x(last)
    word = ROUTE_WORDS[route] if end - x > (len(ROUTE_WORDS[route]) + 3) * frame.letter else ""
    return Zone(x=x, width=round(end - x, 1), middle=round((x + end) / 2, 1), route=route, word=word)


def _lines(pair: ThresholdSteps, *, frame: ChartFrame) -> list[ThresholdLine]:
    """Put the label of low left of its line and that of high right of it, unless the edge is too near."""
    low, high = frame.x(pair.low), frame.x(pair.high)
    room = 9 * frame.letter + 12
    low_flips, high_flips = low - room < 0, high + room > frame.width
    # On the other side of its line, a label may overlap the other one; then the label of high takes the second row.
    crowded = (low_flips or high_flips) and high - low < (2 if low_flips and high_flips else 1) * room
    return [
        _line(low, f"low {threshold(pair.low / STEPS)}", right=low_flips, y=14),
        _line(high, f"high {threshold(pair.high / STEPS)}", right=not high_flips, y=30 if crowded else 14),
    ]


def _line(x: float, label: str, *, right: bool, y: float) -> ThresholdLine:
    return ThresholdLine(
        x=x, label=label, label_x=x + (11 if right else -11), label_y=y, anchor="start" if right else "end"
    )
