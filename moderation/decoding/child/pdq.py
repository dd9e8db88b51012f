"""PDQ: a hash of 256 bits that stays nearly the same when a picture is compressed, resized or written upon.

The algorithm is Meta's (the paper "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm", 2019):
luminance in 64 x 64 points after a tent filter; of its cosine transform the 16 x 16 lowest frequencies without the
mean; of each of them, whether it lies above their median. Its authors' bindings come without wheels, and who installs
this should not need a compiler; of a picture of 512 x 512 pixels both give the same bits, which a test holds.
"""

from functools import lru_cache, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from moderation.decoding.fingerprints import BITS, PdqHash

Floats = NDArray[np.floating[Any]]
Places = NDArray[np.intp]

_GRID = 64
_FREQUENCIES = 16
#: Every picture is hashed as if it had so many pixels along each side. The authors' filter is rounded to whole pixels,
#: so that the hash of a small copy would differ from that of the original.
_SIDE = 512
#: No side of less can be hashed.
_LEAST_SIDE = 5
_COSINES: Floats = (
    np.sqrt(2 / _GRID) * np.cos(np.pi / 2 / _GRID * np.outer(np.arange(1, _FREQUENCIES + 1), 2 * np.arange(_GRID) + 1))
).astype(np.float32)
#: The authors' scale of the quality.
_GRADIENTS_PER_PERCENT = 90


def pdq_hash(picture: Image.Image) -> PdqHash:
    """Hash an upright picture, in any of Pillow's modes that turn into grey."""
    if min(picture.size) < _LEAST_SIDE:
        return PdqHash(bytes(BITS // 8), bytes(BITS // 8), 0)
    points, mirrored = _points(picture)
    return PdqHash(_bits(points), _bits(mirrored), _quality(points))


def _points(picture: Image.Image) -> tuple[Floats, Floats]:
    """Luminance in 64 x 64 points, float32, 0 to 255, rows first, of the picture and of its mirror image.

    Filtered anew: the authors' filter reaches further to the right than to the left.
    """
    grey = picture.convert("L")
    size = min(grey.width, _SIDE), min(grey.height, _SIDE)
    samples = np.asarray(grey if grey.size == size else grey.resize(size, Image.Resampling.BOX))
    rows = _filtered(samples, _tents(size[1]))
    columns = _tents(size[0])
    return _filtered(rows.T, columns).T, _filtered(rows.T[::-1], columns).T


def _filtered(samples: NDArray[np.uint8] | Floats, tents: tuple[tuple[Places, Floats], ...]) -> Floats:
    """(samples, any) to float32 (64, any)."""
    return reduce(np.add, (weights * samples[places] for places, weights in tents))


@lru_cache(maxsize=_SIDE)
def _tents(samples: int) -> tuple[tuple[Places, Floats], ...]:
    """How 64 points follow from so many samples, each a tent over ``_SIDE`` pixels' worth of them.

    Returns:
        pairs to be summed: for each point the place of a sample, int (64,), and its weight, float32 (64, 1).
    """
    edges = np.linspace(0, _SIDE, samples + 1)
    sums = np.cumsum(np.pad(_pixel_weights(), ((0, 0), (1, 0))), axis=1)
    weights = np.diff([np.interp(edges, np.arange(_SIDE + 1), row) for row in sums], axis=1)
    first = (weights > 0).argmax(axis=1)
    most = int((weights > 0).sum(axis=1).max())
    weights = np.pad(weights, ((0, 0), (0, most)))
    places = [first + k for k in range(most)]
    return tuple(
        (np.minimum(place, samples - 1), weights[np.arange(_GRID), place].astype(np.float32)[:, None])
        for place in places
    )


def _pixel_weights() -> NDArray[np.float64]:
    """The authors' tent for each point, (64, ``_SIDE``): two box filters one after the other, to the pixel."""
    window = _SIDE // (2 * _GRID)
    pixels = np.arange(_SIDE)
    after = pixels[None, :] - pixels[:, None]
    box = ((after > window // 2 - window) & (after <= window // 2)).astype(float)
    box /= box.sum(axis=1, keepdims=True)
    weights: NDArray[np.float64] = box[pixels[_SIDE // _GRID // 2 :: _SIDE // _GRID]] @ box
    return weights


def _bits(points: Floats) -> bytes:
    """One bit for each frequency, the highest first, as hash lists write it."""
    flat = (_COSINES @ points @ _COSINES.T).ravel()
    # Of an even number of values the lower middle one, so that half of the bits are set.
    median = np.partition(flat, BITS // 2 - 1)[BITS // 2 - 1]
    return np.packbits((flat > median)[::-1]).tobytes()


def _quality(points: Floats) -> int:
    steps = (np.diff(points, axis=axis) * (100 / 255) for axis in (0, 1))
    gradients = sum(int(np.abs(step).astype(np.int32).sum()) for step in steps)
    return min(100, gradients // _GRADIENTS_PER_PERCENT)
