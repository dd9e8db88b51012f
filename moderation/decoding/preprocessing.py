"""Preprocessing: from an upright RGB picture to the pixels of a classifier's input.

Preprocessing is data in the classifier's manifest. Only this module carries it out, in the decode process and for
golden inputs.
"""

import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from PIL import Image

ResizeMode = Literal["exact", "short_side"]
Filter = Literal["bilinear", "bicubic", "lanczos"]
Size = tuple[int, int]

_FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
#: A longer picture is cropped around its centre to this ratio of sides before its short side is resized: otherwise
#: 1 x 50,000 pixels would become 384 x 19 million. The centre crop does not include the ends anyway.
_LONGEST_ASPECT = 16
#: Sides of at least twice this many times their target are first averaged in blocks: otherwise the weights for
#: 50 million x 1 pixels would take 800 MB and six seconds. No side of an ordinary picture is that long.
_REDUCING_GAP = 64


@dataclass(frozen=True, slots=True)
class Resize:
    """``exact``: to ``size`` (width, height). ``short_side``: the shorter side to ``size[0]``."""

    mode: ResizeMode
    size: tuple[int, ...]
    filter: Filter


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How a picture becomes a network's input, up to its pixels as bytes.

    Attributes:
        version: identifies this preprocessing in the provenance of every score.
        resize: target size and filter.
        crop: (width, height) to crop from the centre, or None.
        jpeg_round_trip: encode as JPEG at Pillow's default quality and decode again, after the resize.
        draft: decode JPEG files at a fraction of their size, at least twice the resize's target.
    """

    version: str
    resize: Resize
    crop: Size | None
    jpeg_round_trip: bool
    draft: bool

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Preprocessing":
        """Read the result of ``as_json``. The value is trusted, because it comes from the parent process."""
        resize = Resize(value["resize"]["mode"], tuple(value["resize"]["size"]), value["resize"]["filter"])
        crop = tuple(value["crop"]) if value["crop"] else None
        return cls(value["version"], resize, crop, value["jpeg_round_trip"], value["draft"])

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def size(self) -> Size:
        """(width, height) of the result of ``prepare``."""
        if self.crop:
            return self.crop
        return self.resize.size[0], self.resize.size[-1]

    def draft_factor(self, size: Size) -> int:
        """Return the factor, 1, 2, 4 or 8, by which a JPEG decoder may shrink a picture of ``size``."""
        if not self.draft:
            return 1
        spare = min(size) // self.draft_side
        return next(factor for factor in (8, 4, 2, 1) if spare >= factor or factor == 1)

    @property
    def draft_side(self) -> int:
        """The least side in pixels that a draft decode keeps: twice the target."""
        return 2 * max(self.resize.size)


def prepare(picture: Image.Image, *, preprocessing: Preprocessing) -> Image.Image:
    """Resize, round trip and crop an upright RGB picture to ``preprocessing.size``."""
    picture = _resized(picture, preprocessing.resize)
    if preprocessing.jpeg_round_trip:
        picture = _round_tripped(picture)
    return _centre(picture, preprocessing.crop) if preprocessing.crop else picture


def _resized(picture: Image.Image, resize: Resize) -> Image.Image:
    if resize.mode == "exact":
        size = (resize.size[0], resize.size[1])
        return picture.resize(size, _FILTERS[resize.filter], reducing_gap=_REDUCING_GAP)
    longest = _LONGEST_ASPECT * min(picture.size)
    picture = _centre(picture, (min(picture.width, longest), min(picture.height, longest)))
    # Truncated, not rounded, as in torchvision and timm, whose classifiers use this mode.
    short = min(picture.size)
    width, height = (int(side * resize.size[0] / short) for side in picture.size)
    return picture.resize((width, height), _FILTERS[resize.filter])


def _round_tripped(picture: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG")
    decoded = Image.open(buffer, formats=["JPEG"])
    decoded.load()
    return decoded


def _centre(picture: Image.Image, size: Size) -> Image.Image:
    if picture.size == size:
        return picture
    left, top = (round((have - want) / 2) for have, want in zip(picture.size, size, strict=True))
    return picture.crop((left, top, left + size[0], top + size[1]))
