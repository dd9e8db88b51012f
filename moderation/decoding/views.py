"""Views: a picture as a whole, and the parts of it that are scored separately. Geometry only.

The pictures of a file are its frames, each in one or more appearances (``Appearance``). The number of a view is
100 x appearance + part: part 0 is the whole picture, 1 to 98 are its tiles in reading order, 99 is the content inside
a wide border.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from moderation.decoding.plan import ViewPlan

if TYPE_CHECKING:  # pages use the numbers of views and must not load Pillow
    from moderation.decoding.preprocessing import Preprocessing, Size

#: (left, top, right, bottom) as shares of the picture's width and height.
Box = tuple[float, float, float, float]

WHOLE, CONTENT = 0, 99
EVERYTHING: Box = (0.0, 0.0, 1.0, 1.0)
#: Share of a tile by which neighbouring tiles overlap, so that content on a seam is whole in one of them, even if the
#: classifier then cuts an eighth off.
OVERLAP = 0.25
#: Tiles along each side of a picture whose score lies near the band, and of a large picture.
_NEAR_ACROSS, _LARGE_ACROSS = 2, 3
#: A tile with this ratio of its sides or more is itself too long to be scored as a whole.
_LONGEST_TILE = 4 / 3


class Appearance(IntEnum):
    """How a viewer may show a frame. The values are stored: never change one.

    ``PLAIN`` is what browsers show. Each of the others differs from it in one respect.
    """

    PLAIN = 0  # upright, in sRGB, transparent pixels on white
    ON_BLACK = 1  # transparent pixels on black
    UNMANAGED = 2  # without the colour profile, gamma or code points of the file
    PREVIEW = 3  # the preview in the EXIF block, or the thumbnail of a HEIF file
    AS_STORED = 4  # not turned
    TURNED_BY_EXIF = 5  # by an EXIF tag that browsers ignore
    TURNED_BY_XMP = 6  # by an XMP block, which browsers ignore
    STILL = 7  # the picture of an animated file for programs that do not play it
    OPAQUE = 8  # transparent pixels in the colours that they hide

    @property
    def is_turned(self) -> bool:
        """Whether it is the plain picture, only turned or mirrored."""
        return self in (Appearance.AS_STORED, Appearance.TURNED_BY_EXIF, Appearance.TURNED_BY_XMP)


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture that is scored as a whole.

    Attributes:
        frame: index in the file, from 0.
        width: pixels, upright; ``height`` likewise.
        content: the box inside a wide plain border, or None.
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
    """Return the parts of a picture that are scored in addition to the whole, by their numbers.

    ``near`` is true if the whole picture's score lies near the band.
    """
    if plan.tiles == 0 or picture.appearance is Appearance.PREVIEW:
        return {}
    boxes = dict(enumerate(_tiles(picture.size, near=near, plan=plan, preprocessing=preprocessing), start=1))
    return boxes | ({CONTENT: picture.content} if picture.content else {})


def is_long(size: "Size", *, plan: ViewPlan, preprocessing: "Preprocessing") -> bool:
    """Whether resizing to the classifier's input, or cropping the centre, loses too much of the picture."""
    ratio = max(size) / min(size)
    return ratio >= plan.long_from or _seen_share(ratio, preprocessing) < plan.seen_share


def is_too_long(size: "Size", *, plan: ViewPlan) -> bool:
    """Whether the tiles that the plan allows cannot cover the picture without being too long themselves."""
    reach = 1 + max(0, plan.tiles - 1) * (1 - OVERLAP)
    return plan.tiles > 0 and max(size) / min(size) > reach * _LONGEST_TILE


def spans(length: float, *, side: float, most: int) -> list[tuple[float, float]]:
    """Return at most ``most`` overlapping (start, end) shares that cover ``length`` evenly.

    Each is ``side`` long, or longer if ``most`` of them would not cover ``length``.
    """
    count = 1 + math.ceil(round(max(0.0, length - side) / (side * (1 - OVERLAP)), 6))
    if count > most:
        count, side = most, length / (1 + (most - 1) * (1 - OVERLAP))
    step = (length - side) / (count - 1) if count > 1 else 0.0
    return [(number * step / length, min(1.0, (number * step + side) / length)) for number in range(count)]


def in_pixels(box: Box, size: "Size") -> tuple[int, int, int, int]:
    """Return the box in pixels of a picture of ``size``, at least one pixel wide and high."""
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
    """Return squares along the longer side."""
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
    """Return the share of the long side that the whole view keeps: 1 if the aspect ratio is ignored."""
    if preprocessing.resize.mode == "exact" or preprocessing.crop is None:
        return 1.0
    return max(preprocessing.crop) / (preprocessing.resize.size[0] * ratio)
