"""HEIC files: decoded, turned as their container says, with their thumbnails and further pictures."""

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from moderation.decoding.images import DecodeLimits, ImageRefused, Reason
from moderation.decoding.sandbox import DecodedFile, Sandbox
from moderation.decoding.views import Appearance, view_number
from moderation.demo import heic
from moderation.demo.heic import Item, box, file_of, full_box, mirror, picture_item, rotation
from tests.moderation.decoding.pictures import BLUE, RED, plain, render, top_red
from tests.moderation.decoding.test_renditions import pixels

ALPHA = full_box(b"auxC", b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0")


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def decode(sandbox: Sandbox, path: Path) -> DecodedFile:
    (outcome,) = sandbox.decode([path])
    assert isinstance(outcome, DecodedFile), outcome
    return outcome


def appearances(sandbox: Sandbox, path: Path) -> set[Appearance]:
    return {picture.appearance for picture in decode(sandbox, path).inputs[0].pictures}


def corner(*, size: tuple[int, int] = (64, 32)) -> Image.Image:
    """Return a picture that looks different in each of the eight orientations."""
    picture = Image.new("RGB", size)
    picture.paste(RED, (0, 0, size[0] // 2, size[1] // 4))
    return picture


TURNS = {
    "a quarter to the left": ([rotation(1)], [Image.Transpose.ROTATE_90]),
    "a half": ([rotation(2)], [Image.Transpose.ROTATE_180]),
    "a quarter to the right": ([rotation(3)], [Image.Transpose.ROTATE_270]),
    "upside down in a mirror": ([mirror(0)], [Image.Transpose.FLIP_TOP_BOTTOM]),
    "in a mirror": ([mirror(1)], [Image.Transpose.FLIP_LEFT_RIGHT]),
    "turned, then mirrored": ([rotation(1), mirror(1)], [Image.Transpose.ROTATE_90, Image.Transpose.FLIP_LEFT_RIGHT]),
    "mirrored, then turned": ([mirror(1), rotation(1)], [Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_90]),
}


@pytest.mark.parametrize(("boxes", "transpositions"), TURNS.values(), ids=list(TURNS))
def test_a_picture_is_turned_as_its_container_says(
    boxes: list[bytes], transpositions: list[Image.Transpose], sandbox: Sandbox, folder: Path
) -> None:
    expected = corner()
    for each in transpositions:
        expected = expected.transpose(each)
    path = write(folder / "a.heic", heic.heic(corner(), turned=boxes))
    shown = pixels(render(sandbox, path).clear)
    assert np.abs(shown - np.asarray(expected, dtype=float)).mean() < 6
    assert sandbox.probe(path).width == 64
    assert Appearance.AS_STORED in appearances(sandbox, path)


def test_an_exif_orientation_is_one_more_appearance_and_the_same_one_is_none(sandbox: Sandbox, folder: Path) -> None:
    for turned, extra in (([], {Appearance.TURNED_BY_EXIF}), ([rotation(3)], {Appearance.AS_STORED})):
        content = with_exif(corner(), orientation=6, turned=turned)
        assert appearances(sandbox, write(folder / "a.heic", content)) == {Appearance.PLAIN, *extra}


def with_exif(picture: Image.Image, *, orientation: int, turned: list[bytes]) -> bytes:
    exif = Image.Exif()
    exif[274] = orientation
    block = exif.tobytes()
    item = Item(b"Exif", struct.pack(">I", 6) + block, references={b"cdsc": [1]})
    return file_of([picture_item(picture, turned=turned), item])


def test_a_thumbnail_that_shows_something_else_is_one_more_appearance(sandbox: Sandbox, folder: Path) -> None:
    for colour, expected in ((RED, set()), (BLUE, {Appearance.PREVIEW})):
        thumbnail = picture_item(plain(colour, size=(160, 120)))
        thumbnail.references = {b"thmb": [1]}
        path = write(folder / "a.heic", file_of([picture_item(plain(RED, size=(640, 480))), thumbnail]))
        assert appearances(sandbox, path) == {Appearance.PLAIN, *expected}
    shown = pixels(render(sandbox, path, view=view_number(Appearance.PREVIEW, part=0)).clear)
    assert shown[..., 2].mean() > 200


def test_the_primary_picture_comes_first_and_the_others_are_further_frames(sandbox: Sandbox, folder: Path) -> None:
    path = write(folder / "a.heic", file_of([picture_item(plain(BLUE)), picture_item(plain(RED))], primary=2))
    assert sandbox.probe(path).frames == 2
    for frame, channel in ((0, 0), (1, 2)):
        assert pixels(render(sandbox, path, frame=frame).clear)[..., channel].mean() > 200


def test_a_grid_of_tiles_is_one_picture(sandbox: Sandbox, folder: Path) -> None:
    path = write(folder / "a.heic", grid(across=2, down=2))
    assert (sandbox.probe(path).width, sandbox.probe(path).frames) == (128, 1)
    assert pixels(render(sandbox, path).clear)[..., 0].mean() > 200


def grid(*, across: int, down: int) -> bytes:
    tiles = [picture_item(plain(size=(64, 64))) for _ in range(across * down)]
    for tile in tiles:
        tile.hidden = True
    whole = Item(b"grid", struct.pack(">BBBBHH", 0, 0, down - 1, across - 1, 64 * across, 64 * down))
    whole.properties = [heic.size_property(64 * across, 64 * down)]
    whole.references = {b"dimg": list(range(2, len(tiles) + 2))}
    return file_of([whole, *tiles])


def test_transparent_pixels_are_shown_on_white_and_scored_on_black_too(sandbox: Sandbox, folder: Path) -> None:
    mask = picture_item(top_red().convert("L").point(lambda value: 255 if value else 0).convert("RGB"))
    mask.properties.append(ALPHA)
    mask.references = {b"auxl": [1]}
    path = write(folder / "a.heic", file_of([picture_item(plain(RED)), mask]))
    shown = pixels(render(sandbox, path).clear)
    assert shown[:8].mean(axis=(0, 1)) == pytest.approx((255, 0, 0), abs=8)
    assert shown[-8:].mean() > 245
    assert Appearance.ON_BLACK in appearances(sandbox, path)


def test_colours_are_converted_from_the_code_points_of_the_file(sandbox: Sandbox, folder: Path) -> None:
    """(200, 100, 50) in Display P3 is a stronger orange in sRGB."""
    path = write(folder / "a.heic", heic.heic(plain((200, 100, 50)), colours=(12, 13, 6)))
    assert pixels(render(sandbox, path).clear).mean(axis=(0, 1)) == pytest.approx((215, 93, 31), abs=4)
    assert Appearance.UNMANAGED in appearances(sandbox, path)


def test_a_file_with_an_image_sequence_is_not_all_seen(sandbox: Sandbox, folder: Path) -> None:
    path = write(folder / "a.heic", heic.heic(plain()) + box(b"moov", bytes(8)))
    assert decode(sandbox, path).inputs[0].unseen
    assert not decode(sandbox, write(path, heic.heic(plain()))).inputs[0].unseen


def test_more_pixels_than_allowed_are_refused_by_the_header(folder: Path) -> None:
    path = write(folder / "a.heic", heic.heic(plain(size=(640, 480))))
    with Sandbox(limits=DecodeLimits(max_pixels=300_000)) as sandbox, pytest.raises(ImageRefused) as caught:
        sandbox.probe(path)
    assert caught.value.reason is Reason.TOO_MANY_PIXELS


def test_decoding_starts_no_threads(sandbox: Sandbox, folder: Path) -> None:
    render(sandbox, write(folder / "a.heic", grid(across=4, down=4)))
    (child,) = sandbox._idle
    assert len(list(Path(f"/proc/{child.pid}/task").iterdir())) == 1


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.9])
def test_a_file_that_ends_too_early_is_refused(share: float, sandbox: Sandbox, folder: Path) -> None:
    content = heic.heic(Image.effect_noise((640, 480), 80).convert("RGB"))
    path = write(folder / "a.heic", content[: int(len(content) * share)])
    with pytest.raises(ImageRefused) as caught:
        render(sandbox, path)
    assert caught.value.reason in (Reason.TRUNCATED, Reason.UNREADABLE)
