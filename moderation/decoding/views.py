"""Views: a picture as a whole, and the parts of it that are looked at one by one. Geometry only.

A file holds pictures: its frames, and what else a viewer may show instead of one (``Appearance``). A view is numbered
100 x appearance + part; part 0 is the whole picture, 1 to 98 are its tiles in reading order, 99 is what a wide border
leaves.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from moderation.decoding.plan import ViewPlan

if TYPE_CHECKING:  # its decoder is not for pages, which only ask what a view's number means
    from moderation.decoding.preprocessing import Preprocessing, Size

#: (left, top, right, bottom) as shares of the picture's width and height.
Box = tuple[float, float, float, float]

WHOLE, CONTENT = 0, 99
EVERYTHING: Box = (0.0, 0.0, 1.0, 1.0)
#: Neighbouring tiles share this part of a tile, so that what lies on a seam is whole in one of them, even where
#: the classifier then cuts an eighth off.
OVERLAP = 0.25
#: Tiles along each side of a picture that is neither long nor large, and of a large one.
_NEAR_ACROSS, _LARGE_ACROSS = 2, 3
#: A tile of this ratio or more is itself too long to be seen as a whole.
_LONGEST_TILE = 4 / 3


class Appearance(IntEnum):
    """How a frame looks, depending on who shows it. The values are stored: never change one."""

    PLAIN = 0  # as decoded; what is transparent lies on white
    ON_BLACK = 1  # what is transparent lies on black
    MANAGED = 2  # as a viewer shows it that obeys the file's colour profile or gamma
    PREVIEW = 3  # the small picture that the metadata holds


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture that was scored whole.

    Attributes:
        frame: index in the file, from 0.
        width: pixels, upright; ``height`` likewise.
        content: what a wide plain border leaves of it, or None.
    """

    frame: int
    appearance: Appearance
    width: int
    height: int
    content: Box | None = None

    @property
    def size(self) -> "Size":
        return self.width, self.height


def view_number(appearance: int, *, part: int) -> int:
    return 100 * appearance + part


def is_whole(view: int) -> bool:
    return view % 100 == WHOLE


def appearance_of(view: int) -> Appearance:
    return Appearance(view // 100)


def parts(picture: Picture, *, near: bool, plan: ViewPlan, preprocessing: "Preprocessing") -> dict[int, Box]:
    """The parts of a picture that are looked at besides the whole, by their numbers.

    ``near`` says whether the whole picture's score lies near the band.
    """
    if plan.tiles == 0 or picture.appearance is Appearance.PREVIEW:
        return {}
    boxes = dict(enumerate(_tiles(picture.size, near=near, plan=plan, preprocessing=preprocessing), start=1))
    return boxes | ({CONTENT: picture.content} if picture.content else {})


def is_long(size: "Size", *, plan: ViewPlan, preprocessing: "Preprocessing") -> bool:
    """Whether squeezing it into the classifier's input, or cutting its centre out, loses too much."""
    ratio = max(size) / min(size)
    return ratio >= plan.long_from or _seen_share(ratio, preprocessing) < plan.seen_share


def is_too_long(size: "Size", *, plan: ViewPlan) -> bool:
    """Whether the most tiles that the plan allows can't cover it with parts of a usual shape."""
    reach = 1 + max(0, plan.tiles - 1) * (1 - OVERLAP)
    return plan.tiles > 0 and max(size) / min(size) > reach * _LONGEST_TILE


def spans(length: float, *, side: float, most: int) -> list[tuple[float, float]]:
    """Stretches of ``side`` that cover ``length`` evenly and overlap; longer ones where ``most`` are too few."""
    count = 1 + math.ceil(round(max(0.0, length - side) / (side * (1 - OVERLAP)), 6))
    if count > most:
        count, side = most, length / (1 + (most - 1) * (1 - OVERLAP))
    step = (length - side) / (count - 1) if count > 1 else 0.0
    return [(number * step / length, min(1.0, (number * step + side) / length)) for number in range(count)]


def in_pixels(box: Box, size: "Size") -> tuple[int, int, int, int]:
    """The box in pixels of a picture of ``size``, at least one pixel wide and high."""
    left, top = int(box[0] * size[0]), int(box[1] * size[1])
    right, bottom = math.ceil(box[2] * size[0]), math.ceil(box[3] * size[1])
    return left, top, max(right, left + 1), max(bottom, top + 1)


def _tiles(size: "Size", *, near: bool, plan: ViewPlan, preprocessing: "Preprocessing") -> Sequence[Box]:
    if is_long(size, plan=plan, preprocessing=preprocessing):
        return _along(size, most=plan.tiles)
    if size[0] * size[1] >= plan.large_from:
        return _grid(min(_LARGE_ACROSS, math.isqrt(plan.tiles)))
    return _grid(min(_NEAR_ACROSS, math.isqrt(plan.tiles))) if near else ()


def _along(size: "Size", *, most: int) -> list[Box]:
    """Squares along the longer side."""
    width, height = size
    stretches = spans(max(size), side=min(size), most=most)
    if width >= height:
        return [(start, 0.0, end, 1.0) for start, end in stretches]
    return [(0.0, start, 1.0, end) for start, end in stretches]


def _grid(across: int) -> list[Box]:
    side = 1 / (1 + (across - 1) * (1 - OVERLAP))
    stretches = spans(1.0, side=side, most=across)
    return [(left, top, right, bottom) for top, bottom in stretches for left, right in stretches]


def _seen_share(ratio: float, preprocessing: "Preprocessing") -> float:
    """The share of the long side that the whole view keeps: all of it where the picture is squeezed."""
    if preprocessing.resize.mode == "exact" or preprocessing.crop is None:
        return 1.0
    return max(preprocessing.crop) / (preprocessing.resize.size[0] * ratio)
