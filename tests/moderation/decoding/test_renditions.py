"""Renditions show the scored frame and orientation, without metadata, and the blurred one hides the content."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from moderation.decoding.images import ImageRefused, Reason
from moderation.decoding.rendition_sizes import FULL, LONGEST_SIDE, ORDINARY
from moderation.decoding.sandbox import Rendition, Sandbox
from tests.moderation.decoding.pictures import BLUE, FORMATS, RED, plain, render, top_red, write, write_frames


def pixels(content: bytes) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    with Image.open(io.BytesIO(content), formats=["JPEG"]) as image:
        return np.asarray(image.convert("RGB"), dtype=float)


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_has_a_rendition(suffix: str, sandbox: Sandbox, folder: Path) -> None:
    rendition = render(sandbox, write(folder / f"a.{suffix}"))
    assert (rendition.width, rendition.height, rendition.media_type) == (64, 48, "image/jpeg")
    assert pixels(rendition.clear)[..., 0].mean() > 240


@pytest.mark.parametrize(
    ("source", "size", "why"),
    [
        ((640, 480), (640, 480), "never enlarged"),
        ((4000, 3000), (1600, 1200), "an ordinary photo"),
        ((4000, 2250), (1920, 1080), "a wide photo keeps its short side"),
        ((1080, 8000), (1080, 8000), "a long screenshot stays legible"),
        ((16384, 3000), (5898, 1080), "the largest panorama"),
        ((20000, 2000), (10800, 1080), "a longer one"),
        ((40000, 1000), (16384, 410), "no side is longer than browsers draw"),
        ((50000, 1), (16384, 1), "a line"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_long_pictures_keep_their_short_side(source: tuple[int, int], size: tuple[int, int], why: str) -> None:
    assert ORDINARY.fitted(source) == size, why
    assert ORDINARY.fitted(source[::-1]) == size[::-1]


@given(st.integers(1, 60_000), st.integers(1, 60_000))
def test_no_rendition_is_enlarged_or_too_long_and_a_full_one_is_at_least_as_large(width: int, height: int) -> None:
    ordinary, full = ORDINARY.fitted((width, height)), FULL.fitted((width, height))
    assert all(
        1 <= fitted <= whole <= side for fitted, whole, side in zip(ordinary, full, (width, height), strict=True)
    )
    assert max(full) <= LONGEST_SIDE


def test_a_long_screenshot_is_rendered_pixel_by_pixel(sandbox: Sandbox, folder: Path) -> None:
    rendition = render(sandbox, write(folder / "a.jpg", plain(size=(1080, 8000))))
    assert (rendition.width, rendition.height) == (1080, 8000)
    assert pixels(rendition.clear).shape == (8000, 1080, 3)


def test_a_full_rendition_has_the_pixels_of_the_source(sandbox: Sandbox, folder: Path) -> None:
    path = write(folder / "a.jpg", plain(size=(3000, 2000)))
    for size, expected in ((ORDINARY, (1620, 1080)), (FULL, (3000, 2000))):
        assert pixels(render(sandbox, path, size=size).clear).shape[1::-1] == expected


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_the_largest_panorama_is_rendered_within_the_memory_of_the_decode_process(suffix: str, folder: Path) -> None:
    path = write(folder / f"a.{suffix}", plain(size=(16_384, 3_000)))
    with Sandbox() as sandbox:
        rendition = render(sandbox, path, size=FULL)
    assert (rendition.width, rendition.height) == (16_384, 3_000)


def test_a_large_jpeg_looks_as_it_does_when_all_of_it_is_decoded(sandbox: Sandbox, folder: Path) -> None:
    cells = np.random.default_rng(4).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    picture = Image.fromarray(cells).resize((3300, 2475), Image.Resampling.BICUBIC)
    whole, draft = (render(sandbox, write(folder / f"a.{suffix}", picture)) for suffix in ("png", "jpg"))
    assert (whole.width, whole.height) == (draft.width, draft.height) == (1600, 1200)
    assert np.abs(pixels(whole.clear) - pixels(draft.clear)).mean() < 2


def test_it_shows_the_orientation_that_was_scored(sandbox: Sandbox, folder: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    stored = top_red().transpose(Image.Transpose.ROTATE_90)
    rendition = render(sandbox, write(folder / "a.jpg", stored, exif=exif))
    assert (rendition.width, rendition.height) == (64, 48)
    for shown in (pixels(rendition.clear), pixels(rendition.blurred)):
        assert shown[: len(shown) // 3, :, 0].mean() > 200
        assert shown[-len(shown) // 3 :, :, 0].mean() < 55


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "tiff", "mpo"])
def test_it_shows_the_requested_frame(suffix: str, sandbox: Sandbox, folder: Path) -> None:
    path = write_frames(folder / f"a.{suffix}", [plain(BLUE), plain(RED), plain(BLUE)])
    shown = pixels(render(sandbox, path, frame=1).clear)
    assert shown[..., 0].mean() > 200
    assert shown[..., 2].mean() < 55


def test_a_frame_that_does_not_exist(sandbox: Sandbox, folder: Path) -> None:
    with pytest.raises(ImageRefused) as caught:
        render(sandbox, write(folder / "a.png"), frame=3)
    assert caught.value.reason == Reason.TRUNCATED


def rendition_with_secrets(sandbox: Sandbox, path: Path) -> Rendition:
    exif = Image.Exif()
    exif[0x010E] = "SECRET description"
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "SECRET text")
    options = {
        "jpg": {"comment": b"SECRET comment", "xmp": b"<x:xmpmeta>SECRET</x:xmpmeta>"},
        "png": {"pnginfo": text},
        "webp": {"xmp": b"SECRET"},
    }[path.suffix[1:]]
    write(path, exif=exif, icc_profile=b"SECRET profile" * 20, **options)
    assert b"SECRET" in path.read_bytes()
    return render(sandbox, path)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_it_carries_no_metadata(suffix: str, sandbox: Sandbox, folder: Path) -> None:
    rendition = rendition_with_secrets(sandbox, folder / f"a.{suffix}")
    for content in (rendition.clear, rendition.blurred):
        assert b"SECRET" not in content
        with Image.open(io.BytesIO(content)) as image:
            assert not image.getexif()
            assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_a_blurred_chequered_picture_looks_like_a_grey_one(sandbox: Sandbox, folder: Path) -> None:
    squares = np.indices((480, 480)).sum(axis=0) // 5 % 2 * 255
    chequered = write(folder / "a.png", Image.fromarray(squares.astype(np.uint8)))
    blurred = pixels(render(sandbox, chequered).blurred)
    assert pixels(render(sandbox, chequered).clear).std() > 100
    assert blurred.std() < 3
    assert blurred.mean() == pytest.approx(127.5, abs=3)


def test_pictures_that_differ_inside_the_cells_of_the_blur_look_the_same(sandbox: Sandbox, folder: Path) -> None:
    chance = np.random.default_rng(5)
    cells = chance.normal(128, 120, (12, 50, 16, 50)).clip(0, 255).astype(np.uint8)
    shuffled = chance.permuted(cells, axis=1)
    first, second = (
        render(sandbox, write(folder / f"{name}.png", Image.fromarray(each.reshape(600, 800))))
        for name, each in (("first", cells), ("second", shuffled))
    )
    assert np.abs(pixels(first.clear) - pixels(second.clear)).mean() > 50
    assert np.abs(pixels(first.blurred) - pixels(second.blurred)).max() <= 4  # rounding


def test_both_come_with_every_rendition_and_the_blurred_one_is_small(sandbox: Sandbox, folder: Path) -> None:
    rendition = render(sandbox, write(folder / "a.jpg", Image.effect_noise((2000, 1500), 90).convert("RGB")))
    assert len(rendition.blurred) < 8_000 < len(rendition.clear)
