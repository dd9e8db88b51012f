"""PDQ: a hash of 256 bits that changes little when a picture is compressed, resized or captioned.

The algorithm is Meta's ("The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm", 2019): luminance
is reduced to 64 x 64 points with a tent filter; the 16 x 16 lowest frequencies of its cosine transform, without the
mean, give one bit each, which is set if the frequency lies above their median.

The filter's widths are rounded to whole pixels of the picture, so pictures of different sizes are filtered
differently. ``pdq_hash`` does the same, because hash lists were made so. ``scaled_pdq_hash`` filters each picture as if
it had the same size, so that a copy of another size keeps its hash.
"""

from functools import lru_cache, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from moderation.decoding.fingerprints import BITS, PdqHash

Floats = NDArray[np.floating[Any]]
Places = NDArray[np.intp]
Size = tuple[int, int]

_GRID = 64
_FREQUENCIES = 16
#: Longer sides are first averaged to this many samples. The bits stay the same, except for one or two.
_MOST_SAMPLES = 1024
#: Sides of more pixels are filtered as if they had this many: a rounded width of the filter then changes nothing.
_MOST_FILTERED = 16_384
#: The size as which ``scaled_pdq_hash`` filters every picture.
_SCALED: Size = (512, 512)
#: The shortest side that can be hashed.
_LEAST_SIDE = 5
#: Sums of weights are rounded: a weight below this is none.
_NOTHING = 1e-12
_COSINES: Floats = (
    np.sqrt(2 / _GRID) * np.cos(np.pi / 2 / _GRID * np.outer(np.arange(1, _FREQUENCIES + 1), 2 * np.arange(_GRID) + 1))
).astype(np.float32)
#: The authors' scale for the quality.
_GRADIENTS_PER_PERCENT = 90


def pdq_hash(picture: Image.Image, *, full_size: Size | None = None) -> PdqHash:
    """Hash a picture in any of Pillow's modes that convert to grey, as the authors' program does.

    ``full_size`` is the size of the file's picture, if a decoder made ``picture`` smaller.
    """
    return _hash(picture, most=(_MOST_SAMPLES, _MOST_SAMPLES), filtered_as=full_size or picture.size)


def scaled_pdq_hash(picture: Image.Image) -> PdqHash:
    """Hash a picture as if it had 512 x 512 pixels. The hash of a copy of another size is nearly the same."""
    return _hash(picture, most=_SCALED, filtered_as=_SCALED)


def _hash(picture: Image.Image, *, most: Size, filtered_as: Size) -> PdqHash:
    if min(picture.size) < _LEAST_SIDE:
        return PdqHash(bytes(BITS // 8), bytes(BITS // 8), 0)
    points, mirrored = _points(np.asarray(_grey(picture, most=most)), filtered_as=filtered_as)
    return PdqHash(_bits(points), _bits(mirrored), _quality(points))


def _grey(picture: Image.Image, *, most: Size) -> Image.Image:
    """Return luminance with at most ``most`` pixels along each side, each the mean of those that it covers."""
    grey = picture.convert("L")
    size = min(grey.width, most[0]), min(grey.height, most[1])
    return grey if grey.size == size else grey.resize(size, Image.Resampling.BOX)


def _points(samples: NDArray[np.uint8], *, filtered_as: Size) -> tuple[Floats, Floats]:
    """Return luminance in 64 x 64 points, float32, 0 to 255, rows first, of the picture and of its mirror image.

    The mirror image is filtered separately, because the authors' filter reaches further to the right than to the left.
    """
    height, width = samples.shape
    filtered_as = min(filtered_as[0], _MOST_FILTERED), min(filtered_as[1], _MOST_FILTERED)
    rows = _filtered(samples, _tents(height, pixels=filtered_as[1]))
    columns = _tents(width, pixels=filtered_as[0])
    return _filtered(rows.T, columns).T, _filtered(rows.T[::-1], columns).T


def _filtered(samples: NDArray[np.uint8] | Floats, tents: tuple[tuple[Places, Floats], ...]) -> Floats:
    """Reduce (samples, any) to float32 (64, any)."""
    return reduce(np.add, (weights * samples[places] for places, weights in tents))


@lru_cache(maxsize=64)
def _tents(samples: int, *, pixels: int) -> tuple[tuple[Places, Floats], ...]:
    """Return the weights that turn ``samples`` samples into 64 points, each a tent over a side of ``pixels`` pixels.

    Returns:
        terms of a sum: the index of a sample for each point, int (64,), and its weight, float32 (64, 1).
    """
    edges = np.linspace(0, pixels, samples + 1)
    sums = np.cumsum(np.pad(_pixel_weights(pixels), ((0, 0), (1, 0))), axis=1)
    weights = np.diff([np.interp(edges, np.arange(pixels + 1), row) for row in sums], axis=1)
    first = (weights > _NOTHING).argmax(axis=1)
    most = int((weights > _NOTHING).sum(axis=1).max())
    weights = np.pad(weights, ((0, 0), (0, most)))
    places = [first + k for k in range(most)]
    return tuple(
        (np.minimum(place, samples - 1), weights[np.arange(_GRID), place].astype(np.float32)[:, None])
        for place in places
    )


def _pixel_weights(pixels: int) -> NDArray[np.float64]:
    """Return the authors' tent for each point, (64, ``pixels``): two box filters in succession, exact to the pixel.

    Each box is cut off at the border, and its weights are then greater.
    """
    window, places = -(-pixels // (2 * _GRID)), np.arange(pixels)
    right = (window + 2) // 2
    starts, ends = np.maximum(0, places - (window - right)), np.minimum(pixels, places + right)
    shares = 1 / (ends - starts)
    steps = np.zeros((_GRID, pixels + 1))  # where the weights rise and fall
    for point, centre in enumerate((2 * np.arange(_GRID) + 1) * pixels // (2 * _GRID)):
        inner = slice(starts[centre], ends[centre])
        np.add.at(steps[point], starts[inner], shares[inner] * shares[centre])
        np.subtract.at(steps[point], ends[inner], shares[inner] * shares[centre])
    weights: NDArray[np.float64] = np.cumsum(steps, axis=1)[:, :-1]
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
