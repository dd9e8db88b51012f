"""Measured signals of a picture's quality: enlargement, heavy compression, a wide border.

Signals are recorded and shown; none of them changes a route. ``quality_flags`` interprets them, and docs/evasion.md
states their error rates.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from moderation.decoding.views import Box

#: Integers stored as floats, whose sums are exact: numpy adds rows of floats several times faster than of integers.
Luma = NDArray[np.float32]

#: The content inside a plain border is scored separately if it fills less than this share of the picture.
CONTENT_SHARE = 0.4

_BLOCK_CROP = 256
_BORDER_CELLS = 64
#: Accepted difference, of 255, between a border and its corner's colour.
_BORDER_NOISE = 12
#: Sum of the luminance table of quality 50 (ITU T.81, table K.1), which the other qualities scale.
_QUALITY_50 = 3686


def sharpness(view: NDArray[np.uint8]) -> float:
    """Return the variance of the finest details over that of the next coarser ones, for uint8 (height, width, 3).

    In natural pictures of any content the ratio is about a half. Enlarging a picture adds no finest details.
    """
    green = view[: len(view) // 4 * 4, : view.shape[1] // 4 * 4, 1].astype(np.float32)
    half, finest = _halved(green)
    _, next_finer = _halved(half)
    return finest / (next_finer + 1)


def blockiness(picture: Image.Image) -> float:
    """Return by how much, of 255, the steps at one column of eight exceed the others; the lesser of columns and rows.

    JPEG compresses blocks of 8 x 8 pixels, and heavy compression leaves steps between them.
    """
    if min(picture.size) < 4 * 8:
        return 0.0
    width, height = (min(side, _BLOCK_CROP) for side in picture.size)
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    luma = np.asarray(picture.crop((left, top, left + width, top + height)).convert("L"), dtype=np.float32)
    return min(_grid_step(luma), _grid_step(np.ascontiguousarray(luma.T)))


def stated_quality(image: ImageFile.ImageFile) -> int | None:
    """Return the quality, 1 to 100, of a JPEG file's quantization table; None for other formats."""
    tables: Mapping[int, Any] | None = getattr(image, "quantization", None)
    if not tables or 0 not in tables:
        return None
    scale = 100 * float(sum(tables[0])) / _QUALITY_50
    return int(max(1, min(100, round(5000 / scale if scale > 100 else (200 - scale) / 2))))


def content_box(picture: Image.Image) -> Box | None:
    """Return the box inside a plain border, if it is small enough to be scored separately; otherwise None."""
    small = picture.resize((_BORDER_CELLS, _BORDER_CELLS), Image.Resampling.BOX, reducing_gap=1.01)
    cells = np.asarray(small, dtype=np.int16)
    differs = np.abs(cells - cells[0, 0]).max(axis=2) > _BORDER_NOISE
    rows, columns = np.flatnonzero(differs.any(axis=1)), np.flatnonzero(differs.any(axis=0))
    if not len(rows):
        return None
    left, top, right, bottom = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    if (right - left) * (bottom - top) >= CONTENT_SHARE * _BORDER_CELLS**2:
        return None
    return tuple(float(edge) / _BORDER_CELLS for edge in (left, top, right, bottom))  # type: ignore[return-value]


def _halved(values: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
    """Return the means of 2 x 2 cells, and the mean square of the details that the means leave out."""
    rows = values[0::2] + values[1::2]
    means = (rows[:, 0::2] + rows[:, 1::2]) * np.float32(0.25)
    return means, float(np.square(values).mean() - np.square(means).mean())


def _grid_step(luma: Luma) -> float:
    steps = np.abs(np.diff(luma, axis=1))
    beyond = 2 * steps[:, 1:-1] - steps[:, :-2] - steps[:, 2:]
    columns = beyond[:, : beyond.shape[1] // 8 * 8].mean(axis=0).reshape(-1, 8).mean(axis=0)
    highest = np.sort(columns)[-2:]
    return float(highest[1] - highest[0])
