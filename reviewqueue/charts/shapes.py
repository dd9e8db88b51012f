"""The shapes that charts are made of, in coordinates of the SVG's viewBox."""

from dataclasses import dataclass

from moderation.routing import Route


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A bar, or the part of one on one side of a threshold; without thresholds it has no route."""

    x: float
    y: float
    width: float
    height: float
    text: str
    route: Route | None = None


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A square of a heat map. ``strength`` is its opacity, in (0, 1]."""

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
class ThresholdLine:
    """A threshold across the plot. ``anchor`` is the SVG text-anchor of its label."""

    x: float
    label: str
    label_x: float
    label_y: float
    anchor: str


@dataclass(frozen=True, kw_only=True)
class Zone:
    """The stretch of the score axis that takes one route. ``word`` is empty where it would not fit."""

    x: float
    width: float
    middle: float
    route: Route
    word: str
