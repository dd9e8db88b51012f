"""A night's scores compared with the 28 days before it, as shapes for an SVG template. Pure: counts in, shapes out.

The chart shows shares, because the two sides differ in size, on a logarithmic scale, because most uploads score near 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log10
from typing import Any

from numpy.typing import NDArray

from moderation.formatting import fixed_percent, threshold
from reviewqueue.charts.shapes import Bar, Mark

BARS = 20
LEFT, RIGHT, TOP, PLOT, BOTTOM = 80, 16, 12, 150, 36
WIDTH, HEIGHT = 640, TOP + PLOT + BOTTOM
# The axis goes from one in ten thousand to all.
DECADES = 4


@dataclass(frozen=True, kw_only=True)
class DriftChart:
    """Bars show the night. ``outline`` holds the points of a stepped line for the days before; empty without any."""

    policy: str
    bars: list[Bar]
    outline: str
    across: list[Mark]
    up: list[Mark]
    left: int = LEFT
    end: int = WIDTH - RIGHT
    top: int = TOP
    floor: int = TOP + PLOT
    width: int = WIDTH
    height: int = HEIGHT


def drift_chart(policy: str, *, night: NDArray[Any], reference: NDArray[Any]) -> DriftChart | None:
    """Draw two counts by score bin, each of shape (101,). Return None where the night has no uploads."""
    if not night.sum():
        return None
    now, before = _shares(night), _shares(reference)
    return DriftChart(
        policy=policy,
        bars=[
            _bar(number, share, before=earlier) for number, (share, earlier) in enumerate(zip(now, before, strict=True))
        ],
        outline=_outline(before) if reference.sum() else "",
        across=[Mark(at=_x(tick * BARS / 5), label=f"{tick / 5:.1f}") for tick in range(6)],
        up=[Mark(at=_y(10.0**-power), label=f"{100 * 10.0**-power:g} %") for power in range(DECADES + 1)],
    )


def _shares(counts: NDArray[Any]) -> list[float]:
    """Return the share of each bar. Scores of exactly 1 count in the last one."""
    total = float(counts.sum()) or 1.0
    per_bar = 100 // BARS
    bars = [float(counts[start : start + per_bar].sum()) for start in range(0, 100, per_bar)]
    bars[-1] += float(counts[100:].sum())
    return [bar / total for bar in bars]


def _bar(number: int, share: float, *, before: float) -> Bar:
    y = _y(share)
    return Bar(
        x=_x(number) + 2,
        y=y,
        width=round(_x(number + 1) - _x(number) - 4, 1),
        height=round(TOP + PLOT - y, 1),
        text=_tooltip(number, share, before=before),
    )


def _tooltip(number: int, share: float, *, before: float) -> str:
    scores = f"{threshold(number / BARS)} to {threshold((number + 1) / BARS)}"
    night, earlier = (fixed_percent(each, decimals=2) for each in (share, before))
    return f"{scores}: {night} of the night, {earlier} before"


def _outline(shares: Sequence[float]) -> str:
    edges = [(_x(number), share) for number, share in enumerate([*shares, shares[-1]])]
    points = [f"{x},{_y(share)}" for (left, share), (right, _) in pairwise(edges) for x in (left, right)]
    return " ".join(points)


def _x(bar: float) -> float:
    return round(LEFT + (WIDTH - LEFT - RIGHT) * bar / BARS, 1)


def _y(share: float) -> float:
    """Return the height of ``share``; one in ten thousand or less lies on the floor."""
    up = max(0.0, 1 + log10(share) / DECADES) if share else 0.0
    return round(TOP + PLOT * (1 - up), 1)
