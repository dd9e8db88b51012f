"""PDQ: a hash of 256 bits that changes little when a picture is compressed, resized or captioned.

The algorithm is Meta's ("The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm", 2019): luminance
is reduced to 64 x 64 points with a tent filter; the 16 x 16 lowest frequencies of its cosine transform, without the
mean, give one bit each, which is set if the frequency lies above their median. The authors' Python bindings have no
wheels, and an installation should not need a compiler. For a picture of 512 x 512 pixels both give the same bits,
which a test checks.
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
#: Every picture is hashed as if it had this many pixels along each side. The authors' filter is rounded to whole
#: pixels, so the hash of a small copy would differ from the original's.
_SIDE = 512
#: The shortest side that can be hashed.
_LEAST_SIDE = 5
_COSINES: Floats = (
    np.sqrt(2 / _GRID) * np.cos(np.pi / 2 / _GRID * np.outer(np.arange(1, _FREQUENCIES + 1), 2 * np.arange(_GRID) + 1))
).astype(np.float32)
#: The authors' scale for the quality.
_GRADIENTS_PER_PERCENT = 90


def pdq_hash(picture: Image.Image) -> PdqHash:
    """Hash an upright picture in any of Pillow's modes that convert to grey."""
    if min(picture.size) < _LEAST_SIDE:
        return PdqHash(bytes(BITS // 8), bytes(BITS // 8), 0)
    points, mirrored = _points(picture)
    return PdqHash(_bits(points), _bits(mirrored), _quality(points))


def _points(picture: Image.Image) -> tuple[Floats, Floats]:
    """Return luminance in 64 x 64 points, float32, 0 to 255, rows first, of the picture and of its mirror image.

    The mirror image is filtered separately, because the authors' filter reaches further to the right than to the left.
    """
    grey = picture.convert("L")
    size = min(grey.width, _SIDE), min(grey.height, _SIDE)
    samples = np.asarray(grey if grey.size == size else grey.resize(size, Image.Resampling.BOX))
    rows = _filtered(samples, _tents(size[1]))
    columns = _tents(size[0])
    return _filtered(rows.T, columns).T, _filtered(rows.T[::-1], columns).T


def _filtered(samples: NDArray[np.uint8] | Floats, tents: tuple[tuple[Places, Floats], ...]) -> Floats:
    """Reduce (samples, any) to float32 (64, any)."""
    return reduce(np.add, (weights * samples[places] for places, weights in tents))


@lru_cache(maxsize=_SIDE)
def _tents(samples: int) -> tuple[tuple[Places, Floats], ...]:
    """Return the weights that turn ``samples`` samples into 64 points, each a tent over ``_SIDE`` pixels.

    Returns:
        terms of a sum: the index of a sample for each point, int (64,), and its weight, float32 (64, 1).
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
    """Return the authors' tent for each point, (64, ``_SIDE``): two box filters in succession, exact to the pixel."""
    window = _SIDE // (2 * _GRID)
    pixels = np.arange(_SIDE)
    after = pixels[None, :] - pixels[:, None]
    box = ((after > window // 2 - window) & (after <= window // 2)).astype(float)
    box /= box.sum(axis=1, keepdims=True)
    weights: NDArray[np.float64] = box[pixels[_SIDE // _GRID // 2 :: _SIDE // _GRID]] @ box
    return weights


def _bits(points: Floats) -> bytes:
    """Return one bit for each frequency, the highest first, as in hash lists."""
    flat = (_COSINES @ points @ _COSINES.T).ravel()
    # The lower of the two middle values, so that half of the bits are set.
    median = np.partition(flat, BITS // 2 - 1)[BITS // 2 - 1]
    return np.packbits((flat > median)[::-1]).tobytes()


def _quality(points: Floats) -> int:
    steps = (np.diff(points, axis=axis) * (100 / 255) for axis in (0, 1))
    gradients = sum(int(np.abs(step).astype(np.int32).sum()) for step in steps)
    return min(100, gradients // _GRADIENTS_PER_PERCENT)
