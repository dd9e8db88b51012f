"""The score histogram as shapes for an SVG template. Pure: counts in, coordinates out.

Scores and thresholds are whole grid steps, 0 to STEPS; coordinates are those of the SVG's viewBox.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log10

from moderation.routing import Route

STEPS = 100
WORDS = {Route.APPROVE: "approve", Route.REVIEW: "review", Route.REJECT: "reject"}
# One upload still has to be seen: the axis starts at half an upload.
ONE_UPLOAD = 0.5


@dataclass(frozen=True, kw_only=True)
class Frame:
    """The drawing's size, the room around the plot, and how many grid steps one bar holds."""

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


WIDE = Frame(
    name="wide", width=1200, height=290, left=58, right=14, top=46, bottom=34, steps_per_bar=2,
    ticks=(0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100), letter=7.2,
)  # fmt: skip
NARROW = Frame(
    name="narrow", width=340, height=270, left=42, right=10, top=50, bottom=28, steps_per_bar=5,
    ticks=(0, 20, 40, 60, 80, 100), letter=6.6,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Thresholds in grid steps."""

    low: int
    high: int

    def region(self, step: int) -> Route:
        if step < self.low:
            return Route.APPROVE
        return Route.REJECT if step >= self.high else Route.REVIEW

    def pieces(self, first: int, last: int) -> Iterator[tuple[int, int, Route]]:
        """Cut the steps [first, last) where a threshold lies within them."""
        cuts = sorted({first, last, *(cut for cut in (self.low, self.high) if first < cut < last)})
        return ((one, other, self.region(one)) for one, other in pairwise(cuts))


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A bar, or the part of one on one side of a threshold."""

    x: float
    y: float
    width: float
    height: float
    route: Route
    text: str


@dataclass(frozen=True, kw_only=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True, kw_only=True)
class Zone:
    """The stretch of the axis that takes one route; the word is empty where it would not fit."""

    x: float
    width: float
    middle: float
    route: Route
    word: str


@dataclass(frozen=True, kw_only=True)
class Line:
    """A threshold. ``anchor`` is the SVG text-anchor of its label."""

    x: float
    label: str
    label_x: float
    label_y: float
    anchor: str


@dataclass(frozen=True, kw_only=True)
class Histogram:
    frame: Frame
    bars: list[Bar]
    counts: list[Tick]
    scores: list[Tick]
    zones: list[Zone]
    lines: list[Line]
    in_force: list[float]


@dataclass(frozen=True, kw_only=True)
class Row:
    """The same numbers as text."""

    scores: str
    uploads: int
    routes: str


def histogram(bins: Sequence[int], *, proposed: Pair, in_force: Pair, frame: Frame) -> Histogram:
    """Draw ``bins`` (STEPS + 1 counts, the last one scores of exactly 1) on a logarithmic scale."""
    bars = list(_bars(bins, frame.steps_per_bar))
    tallest = max((count for *_, count in bars), default=0)
    pieces = (_pieces(bar, pair=proposed, frame=frame, tallest=tallest) for bar in bars)
    return Histogram(
        frame=frame,
        bars=[piece for bar in pieces for piece in bar],
        counts=[Tick(at=_y(count, frame, tallest), label=f"{count:,}") for count in _powers_of_ten(tallest)],
        scores=[Tick(at=frame.x(step), label=f"{step / STEPS:g}") for step in frame.ticks],
        zones=[_zone(*piece, frame=frame) for piece in proposed.pieces(0, STEPS)],
        lines=_lines(proposed, frame=frame),
        in_force=[] if proposed == in_force else [frame.x(in_force.low), frame.x(in_force.high)],
    )


def rows(bins: Sequence[int], *, proposed: Pair, steps_per_row: int = 5) -> list[Row]:
    return [
        Row(
            scores=f"{first / STEPS:.2f} to {last / STEPS:.2f}",
            uploads=count,
            routes=", ".join(WORDS[route] for *_, route in proposed.pieces(first, last)),
        )
        for first, last, count in _bars(bins, steps_per_row)
    ]


def _bars(bins: Sequence[int], width: int) -> Iterator[tuple[int, int, int]]:
    """First step, last step, uploads; a score of exactly 1 belongs to the last bar."""
    for first in range(0, STEPS, width):
        last = first + width
        yield first, last, sum(bins[first : last + (last == STEPS)])


def _pieces(bar: tuple[int, int, int], *, pair: Pair, frame: Frame, tallest: int) -> Iterator[Bar]:
    first, last, count = bar
    if not count:
        return
    y = _y(count, frame, tallest)
    for one, other, route in pair.pieces(first, last):
        # A gap between bars, none between the parts of one.
        x, end = frame.x(one) + (one == first), frame.x(other) - (other == last)
        text = f"{first / STEPS:.2f} to {last / STEPS:.2f}: {count:,} uploads, {WORDS[route]}"
        yield Bar(x=x, y=y, width=round(end - x, 1), height=round(frame.floor - y, 1), route=route, text=text)


def _y(count: int, frame: Frame, tallest: int) -> float:
    share = log10(count / ONE_UPLOAD) / log10(max(tallest, 2) / ONE_UPLOAD)
    return round(frame.floor - share * (frame.floor - frame.top), 1)


def _powers_of_ten(tallest: int) -> list[int]:
    return [10**power for power in range(len(str(tallest)))] if tallest else []


def _zone(first: int, last: int, route: Route, *, frame: Frame) -> Zone:
    x, end = frame.x(first), frame.x(last)
    word = WORDS[route] if end - x > (len(WORDS[route]) + 3) * frame.letter else ""
    return Zone(x=x, width=round(end - x, 1), middle=round((x + end) / 2, 1), route=route, word=word)


def _lines(pair: Pair, *, frame: Frame) -> list[Line]:
    """Low's label stands left of its line and high's right of it, unless the edge is too near."""
    low, high = frame.x(pair.low), frame.x(pair.high)
    room = 9 * frame.letter + 12
    low_turns, high_turns = low - room < 0, high + room > frame.width
    # Turned around, a label may run into the other one: then high takes the second row.
    crowded = (low_turns or high_turns) and high - low < (2 if low_turns and high_turns else 1) * room
    return [
        _line(low, f"low {pair.low / STEPS:.2f}", right=low_turns, y=14),
        _line(high, f"high {pair.high / STEPS:.2f}", right=not high_turns, y=30 if crowded else 14),
    ]


def _line(x: float, label: str, *, right: bool, y: float) -> Line:
    return Line(x=x, label=label, label_x=x + (11 if right else -11), label_y=y, anchor="start" if right else "end")
