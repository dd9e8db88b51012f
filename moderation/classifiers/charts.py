"""Charts of a report: curves over axes as self-contained SVG, readable without colour."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

WIDTH, HEIGHT = 560, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 16, 16, 44
#: Colour and dashes of each curve in turn. Dashes distinguish the curves without colour.
_STROKES = (("#1a5fb4", "none"), ("#a51d2d", "7 4"), ("#26704a", "2 4"), ("#613583", "10 3 2 3"), ("#7a4b00", "4 2"))

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Curve:
    """Points in the axes' units.

    Attributes:
        band: (low, high) of the interval at each point, or empty.
    """

    name: str
    points: Sequence[Point]
    band: Sequence[tuple[float, float]] = ()


def draw_chart(curves: Sequence[Curve], *, title: str, across: str, up: str, shares: bool = False) -> SafeString:
    """Draw curves over axes, which go from 0 to 1 for ``shares`` and otherwise cover the points."""
    points = [point for curve in curves for point in curve.points]
    ticks = [step / 4 for step in range(5)] if shares else sorted({x for x, _ in points})
    axes = _Axes(ticks, 1.0 if shares else 1.1 * max(y for _, y in points))
    rows = ((_band(curve, axes), _line(curve, axes, at)) for at, curve in enumerate(curves))
    drawn = format_html_join("", "{}{}", rows)
    return format_html(
        '<svg viewBox="0 0 {} {}" role="img" aria-label="{}"><title>{}</title>{}{}{}</svg>',
        WIDTH, HEIGHT, title, title, axes.drawn(across=across, up=up), drawn, _legend(curves),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Axes:
    ticks: Sequence[float]
    top: float

    def x(self, value: float) -> float:
        left, right = self.ticks[0], self.ticks[-1]
        share = (value - left) / (right - left) if right > left else 0.5
        return round(_LEFT + share * (WIDTH - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        return round(HEIGHT - _BOTTOM - min(value / self.top, 1) * (HEIGHT - _TOP - _BOTTOM), 1)

    def drawn(self, *, across: str, up: str) -> SafeString:
        """Draw the grid, numbers and names of both axes."""
        steps = [step / 4 for step in range(5)]
        rows = ((self.y(share * self.top), f"{share * self.top:.3g}") for share in steps)
        columns = ((self.x(x), f"{x:.3g}") for x in self.ticks)
        horizontal = format_html_join(
            "", '<path d="M{} {}H{}" stroke="#ccc"/><text x="{}" y="{}" text-anchor="end">{}</text>',
            ((_LEFT, y, WIDTH - _RIGHT, _LEFT - 6, y + 4, number) for y, number in rows),
        )  # fmt: skip
        vertical = format_html_join(
            "", '<text x="{}" y="{}" text-anchor="middle">{}</text>',
            ((x, HEIGHT - _BOTTOM + 16, number) for x, number in columns),
        )  # fmt: skip
        names = format_html(
            '<text x="{}" y="{}" text-anchor="middle">{}</text><text transform="rotate(-90 12 {})" x="12" y="{}" '
            'text-anchor="middle">{}</text>',
            (WIDTH + _LEFT) / 2, HEIGHT - 8, across, HEIGHT / 2, HEIGHT / 2, up,
        )  # fmt: skip
        return format_html("{}{}{}", horizontal, vertical, names)


def _line(curve: Curve, axes: _Axes, at: int) -> SafeString:
    colour, dashes = _STROKES[at % len(_STROKES)]
    path = " ".join(f"{axes.x(x)},{axes.y(y)}" for x, y in curve.points)
    return format_html(
        '<polyline points="{}" fill="none" stroke="{}" stroke-width="2" stroke-dasharray="{}"/>', path, colour, dashes
    )


def _band(curve: Curve, axes: _Axes) -> SafeString:
    if not curve.band:
        return SafeString("")
    xs = [x for x, _ in curve.points]
    lower = [f"{axes.x(x)},{axes.y(low)}" for x, (low, _) in zip(xs, curve.band, strict=True)]
    upper = [f"{axes.x(x)},{axes.y(high)}" for x, (_, high) in zip(xs, curve.band, strict=True)]
    return format_html('<polygon points="{}" fill="#888" opacity="0.18"/>', " ".join([*lower, *reversed(upper)]))


def _legend(curves: Sequence[Curve]) -> SafeString:
    rows = ((at, *_STROKES[at % len(_STROKES)], curve.name) for at, curve in enumerate(curves))
    return format_html_join(
        "", '<path d="M{} {}h28" stroke="{}" stroke-width="2" stroke-dasharray="{}"/><text x="{}" y="{}">{}</text>',
        (
            (_LEFT + 12, _TOP + 8 + 16 * at, colour, dashes, _LEFT + 46, _TOP + 12 + 16 * at, name)
            for at, colour, dashes, name in rows
        ),
    )  # fmt: skip
