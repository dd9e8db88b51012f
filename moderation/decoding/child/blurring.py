"""Blurring: a picture as the mean colours of a few cells. Runs in the decode process.

With 16 cells along the longer side, photographs keep the outlines and colours of single large objects and nothing
smaller. Two kinds of pictures would keep more, so they get fewer cells: small ones, whose cells would hold single
pixels, and those that are themselves drawn with few cells, such as pixel art. docs/hostile-files.md has figures.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from moderation.decoding.rendition_sizes import within

#: Cells along the longer side, tried one after the other.
_CELLS = (16, 12, 8, 6, 4, 3, 2, 1)
#: With fewer, a picture of two plain areas would be blurred to one colour.
_FEWEST = 4
#: Source pixels that a cell holds at least along each side, so that no pixel is shown as it is.
_PIXELS_PER_CELL = 8
#: The greatest correlation of a blurred picture with its source.
_MOST_ALIKE = 0.9
#: Pixels of the copies whose correlation is computed.
_COMPARED_SIDE = 80
#: The blurred picture is enlarged to this side, so that a page shows a soft blur and not squares.
_SHOWN_SIDE = 160

Floats = NDArray[np.float32]


def blurred(picture: Image.Image) -> Image.Image:
    """Return the blurred copy of ``picture``, RGB, 160 pixels along the longer side."""
    # Pixels are averaged, here and into cells, so that only the mean is left of details smaller than a cell.
    small = picture.resize(within(picture.size, side=min(_COMPARED_SIDE, max(picture.size))), Image.Resampling.BOX)
    source = _deviations(small)
    for count in _allowed_cells(max(picture.size)):
        cells = small.resize(within(picture.size, side=count), Image.Resampling.BOX)
        if _correlation(_deviations(cells.resize(small.size, Image.Resampling.BICUBIC)), source) <= _MOST_ALIKE:
            break
    return cells.resize(within(picture.size, side=_SHOWN_SIDE), Image.Resampling.BICUBIC)


def _allowed_cells(side: int) -> Iterator[int]:
    most = max(1, side // _PIXELS_PER_CELL)
    return (count for count in _CELLS if min(_FEWEST, most) <= count <= most)


def _deviations(picture: Image.Image) -> Floats:
    """Return the deviation of each value from the mean of its channel, float32 (N, 3)."""
    values = np.asarray(picture, dtype=np.float32).reshape(-1, 3)
    deviations: Floats = values - values.mean(axis=0)
    return deviations


def _correlation(one: Floats, other: Floats) -> float:
    """Return the correlation over all channels, -1 to 1; 0 if either is a single colour."""
    norm = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(np.vdot(one, other)) / norm if norm else 0.0
