"""Renditions show the scored frame and orientation, without metadata, and the blurred one hides the content."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from moderation.decoding.images import ImageRefused, Reason
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


def test_no_side_is_longer_than_the_limit(sandbox: Sandbox, folder: Path) -> None:
    path = write(folder / "a.jpg", plain(size=(3000, 1000)))
    for max_side, size in ((1600, (1600, 533)), (300, (300, 100))):
        rendition = render(sandbox, path, max_side=max_side)
        assert (rendition.width, rendition.height) == size
        assert pixels(rendition.clear).shape[1::-1] == size


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
