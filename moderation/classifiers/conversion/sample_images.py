"""Composed sample images: an operator sees their scores at import, and golden inputs are made from them.

They are harmless and differ in colour, brightness and texture, so that a swapped colour order or a wrong
normalisation moves the score of at least one.
"""

import io
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

#: Not square, so that a resize and a crop both have an effect; small, so that a manifest stays small.
SIZE = (96, 72)


def sample_images() -> Mapping[str, bytes]:
    """Return PNG files by name."""
    return {name: _png(image) for name, image in _composed().items()}


def _composed() -> dict[str, Image.Image]:
    return {
        "warm ellipses": _ellipses(),
        "blue sky": _gradient((30, 80, 220), (220, 235, 255)),
        "green to dark": _gradient((60, 190, 70), (5, 20, 10)),
        "stripes": _stripes(),
        "rust on white": _disc((180, 70, 20), (250, 250, 245)),
    }


def _ellipses() -> Image.Image:
    """Skin-like colours on a dark ground: most classifiers of adult content react to them."""
    image = Image.new("RGB", SIZE, (70, 45, 40))
    draw = ImageDraw.Draw(image)
    for box, colour in (
        ((8, 6, 62, 66), (224, 172, 140)),
        ((40, 20, 92, 70), (205, 150, 120)),
        ((28, 26, 44, 42), (180, 110, 95)),
        ((58, 34, 70, 46), (170, 95, 85)),
    ):
        draw.ellipse(box, fill=colour)
    return image


def _gradient(top: tuple[int, int, int], bottom: tuple[int, int, int]) -> Image.Image:
    share = np.linspace(0, 1, SIZE[1])[:, np.newaxis, np.newaxis]
    rows = np.array(top) * (1 - share) + np.array(bottom) * share
    return _image(np.repeat(rows, SIZE[0], axis=1))


def _stripes() -> Image.Image:
    columns = np.arange(SIZE[0]) // 6 % 2
    colours = np.array([(20, 20, 30), (240, 200, 40)])[columns]
    return _image(np.repeat(colours[np.newaxis], SIZE[1], axis=0))


def _disc(colour: tuple[int, int, int], ground: tuple[int, int, int]) -> Image.Image:
    image = Image.new("RGB", SIZE, ground)
    ImageDraw.Draw(image).ellipse((24, 12, 72, 60), fill=colour)
    return image


def _image(values: NDArray[np.floating] | NDArray[np.integer]) -> Image.Image:
    return Image.fromarray(values.round().astype(np.uint8), "RGB")


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
