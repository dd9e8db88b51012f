"""Blurring leaves the outlines and colours of single large objects, whatever the size or the style of the picture."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from moderation.decoding.sandbox import Sandbox
from tests.moderation.decoding.pictures import render, write

#: docs/hostile-files.md states it.
BOUND = 0.92
NEAREST = Image.Resampling.NEAREST


def blurred(sandbox: Sandbox, path: Path) -> Image.Image:
    with Image.open(io.BytesIO(render(sandbox, path).blurred)) as image:
        return image.convert("RGB")


def correlation(one: Image.Image, other: Image.Image) -> float:
    """Return the correlation of the brightness of two pictures at the size of the first, 0 for a single colour."""
    values = [np.asarray(each.resize(one.size).convert("L"), dtype=float).ravel() for each in (one, other)]
    if min(each.std() for each in values) < 1:
        return 0.0
    return float(np.corrcoef(*values)[0, 1])


def noise(side: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(side).integers(0, 256, (side, side, 3), dtype=np.uint8))


def smooth(side: int) -> Image.Image:
    """Return the broad shapes of a photograph, which a small copy shows best."""
    return noise(7).resize((side, side), Image.Resampling.BICUBIC)


def face(side: int) -> Image.Image:
    picture = Image.new("RGB", (side, side), "white")
    draw = ImageDraw.Draw(picture)
    draw.ellipse((side * 0.1, side * 0.1, side * 0.9, side * 0.9), fill=(250, 200, 0))
    for left in (0.3, 0.6):
        draw.ellipse((side * left, side * 0.3, side * (left + 0.12), side * 0.42), fill="black")
    return picture


@pytest.mark.parametrize("side", [4, 8, 12, 16, 24, 32, 48, 64, 128, 400])
@pytest.mark.parametrize("make", [noise, smooth, face])
def test_pictures_of_every_size_are_hidden(make, side: int, sandbox: Sandbox, folder: Path) -> None:
    picture = make(side)
    assert correlation(picture, blurred(sandbox, write(folder / "a.png", picture))) <= BOUND


@pytest.mark.parametrize("cells", [8, 12, 16, 24, 32])
@pytest.mark.parametrize("pixels", [8, 32])
def test_pixel_art_is_hidden(cells: int, pixels: int, sandbox: Sandbox, folder: Path) -> None:
    art = smooth(cells).resize((cells * pixels, cells * pixels), NEAREST)
    assert correlation(art, blurred(sandbox, write(folder / "a.png", art))) <= BOUND


@pytest.mark.parametrize("side", [1, 8, 15])
def test_a_picture_without_two_cells_of_pixels_becomes_one_colour(side: int, sandbox: Sandbox, folder: Path) -> None:
    shown = np.asarray(blurred(sandbox, write(folder / "a.png", noise(side))), dtype=float)
    assert np.ptp(shown, axis=(0, 1)).max() <= 2


def test_two_plain_areas_stay_apart(sandbox: Sandbox, folder: Path) -> None:
    picture = Image.new("RGB", (400, 400), "black")
    picture.paste("white", (0, 0, 200, 400))
    shown = np.asarray(blurred(sandbox, write(folder / "a.png", picture)).convert("L"), dtype=float)
    assert shown[:, :40].mean() > 200
    assert shown[:, -40:].mean() < 55


def test_areas_of_equal_brightness_are_hidden_by_their_colours(sandbox: Sandbox, folder: Path) -> None:
    """Of pixel art in red and green of one brightness, brightness alone would show nothing to compare."""
    cells = np.random.default_rng(3).integers(0, 2, (16, 16, 1), dtype=np.uint8)
    art = Image.fromarray(np.where(cells, (200, 0, 0), (0, 102, 0)).astype(np.uint8)).resize((512, 512), NEAREST)
    shown, source = (
        np.asarray(each.resize((512, 512)), dtype=float)[..., 0].ravel()
        for each in (blurred(sandbox, write(folder / "a.png", art)), art)
    )
    assert np.corrcoef(shown, source)[0, 1] <= BOUND
