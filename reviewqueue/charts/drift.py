"""A night's scores beside those of the 28 days before, as shapes for an SVG template. Pure: counts in, coordinates out.

Shares, not counts: the two sides differ in size. Logarithmic, as most uploads of an ordinary night score near 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log10
from typing import Any

from numpy.typing import NDArray

BARS = 20
LEFT, RIGHT, TOP, PLOT, BOTTOM = 80, 16, 12, 150, 36
WIDTH, HEIGHT = 640, TOP + PLOT + BOTTOM
# The axis goes from one in ten thousand to all.
DECADES = 4


@dataclass(frozen=True, kw_only=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Mark:
    at: float
    label: str


@dataclass(frozen=True, kw_only=True)
class DriftChart:
    """Bars are the night; ``outline``, the points of a stepped line, is what came before, empty where nothing did."""

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
    """Counts by score bin, shape (101,) each; None where the night has none."""
    if not night.sum():
        return None
    now, before = _shares(night), _shares(reference)
    return DriftChart(
        policy=policy,
        bars=[_bar(number, share, beside) for number, (share, beside) in enumerate(zip(now, before, strict=True))],
        outline=_outline(before) if reference.sum() else "",
        across=[Mark(at=_x(tick * BARS / 5), label=f"{tick / 5:.1f}") for tick in range(6)],
        up=[Mark(at=_y(10.0**-power), label=f"{100 * 10.0**-power:g} %") for power in range(DECADES + 1)],
    )


def _shares(counts: NDArray[Any]) -> list[float]:
    """Of each bar; the bin of exactly 1 belongs to the last one."""
    total = float(counts.sum()) or 1.0
    per_bar = 100 // BARS
    bars = [float(counts[start : start + per_bar].sum()) for start in range(0, 100, per_bar)]
    bars[-1] += float(counts[100:].sum())
    return [bar / total for bar in bars]


def _bar(number: int, share: float, before: float) -> Bar:
    y = _y(share)
    return Bar(
        x=_x(number) + 2,
        y=y,
        width=round(_x(number + 1) - _x(number) - 4, 1),
        height=round(TOP + PLOT - y, 1),
        text=f"{number / BARS:.2f} to {(number + 1) / BARS:.2f}: {share:.2%} of the night, {before:.2%} before",
    )


def _outline(shares: Sequence[float]) -> str:
    edges = [(_x(number), share) for number, share in enumerate([*shares, shares[-1]])]
    points = [f"{x},{_y(share)}" for (left, share), (right, _) in pairwise(edges) for x in (left, right)]
    return " ".join(points)


def _x(bar: float) -> float:
    return round(LEFT + (WIDTH - LEFT - RIGHT) * bar / BARS, 1)


def _y(share: float) -> float:
    """The floor stands for one in ten thousand and less."""
    up = max(0.0, 1 + log10(share) / DECADES) if share else 0.0
    return round(TOP + PLOT * (1 - up), 1)
