"""A small file cannot cost much: frames are counted and composed up to a limit."""

import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from moderation.decoding.images import DecodeLimits, ImageRefused, Reason
from moderation.decoding.preprocessing import Preprocessing, Resize
from moderation.decoding.process import DecoderChild
from moderation.decoding.sandbox import DecodedFile, RefusedFile, Sandbox
from tests.moderation.decoding.pictures import one_red_of, render, write, write_frames

SMALL = Preprocessing("small", Resize("exact", (8, 8), "bilinear"), None, False, False)

#: One pixel, LZW-coded.
PIXEL = b"\x02\x02\x44\x01\x00"


def gif(path: Path, *, canvas: tuple[int, int], frames: int, corner: tuple[int, int] = (0, 0)) -> Path:
    """Frames of one pixel on a canvas of any size, 15 bytes each; all but the first lie at ``corner``."""
    head = b"GIF89a" + struct.pack("<HHBBB", *canvas, 0x80, 0, 0) + bytes(6)
    first, other = (b"," + struct.pack("<HHHHB", *at, 1, 1, 0) + PIXEL for at in ((0, 0), corner))
    path.write_bytes(head + first + other * (frames - 1) + b";")
    return path


def tiff(path: Path, *, pages: int) -> Path:
    """Pages of one pixel, 102 bytes each."""
    tags = [(256, 1), (257, 1), (258, 8), (259, 1), (262, 1), (273, 0), (278, 1), (279, 1)]
    entries = b"".join(struct.pack("<HHII", tag, 3, 1, value) for tag, value in tags)
    page = struct.pack("<H", len(tags)) + entries
    size = len(page) + 4
    nexts = [8 + size * number for number in range(1, pages)] + [0]
    path.write_bytes(b"II*\0" + struct.pack("<I", 8) + b"".join(page + struct.pack("<I", each) for each in nexts))
    return path


def apng_that_states(path: Path, *, frames: int) -> Path:
    write_frames(path, one_red_of(3, at=0))
    content = path.read_bytes()
    at = content.index(b"acTL")
    chunk = b"acTL" + struct.pack(">II", frames, 0)
    path.write_bytes(content[:at] + chunk + struct.pack(">I", zlib.crc32(chunk)) + content[at + len(chunk) + 4 :])
    return path


def gif_of_many_blocks(path: Path) -> Path:
    """One frame behind 24 MB of the smallest possible blocks, which take seconds to read."""
    path.write_bytes(b"GIF89a\1\0\1\0\0\0\0!\xf0" + b"\1\0" * 12_000_000 + b"\0,\0\0\0\0\1\0\1\0\0" + PIXEL + b";")
    return path


def first_reason(sandbox: Sandbox, path: Path) -> tuple[Reason, str]:
    """Return why the probe refuses the file, and check that the decode refuses it for the same reason."""
    with pytest.raises(ImageRefused) as caught:
        sandbox.probe(path)
    (outcome,) = sandbox.decode([path])
    assert outcome == RefusedFile(path, caught.value.reason, caught.value.detail)
    return caught.value.reason, caught.value.detail


def test_a_gif_file_of_200_000_frames_is_not_walked_to_its_end(sandbox: Sandbox, folder: Path) -> None:
    path = gif(folder / "a.gif", canvas=(1, 1), frames=200_000)
    found = "found 5001 frames or more; at most 5000 are accepted"
    assert first_reason(sandbox, path) == (Reason.TOO_MANY_FRAMES, found)


def test_a_tiff_file_of_200_000_pages_is_not_walked_to_its_end(folder: Path) -> None:
    path = tiff(folder / "a.tiff", pages=200_000)
    found = "found 301 frames or more; at most 300 are accepted"
    with Sandbox(limits=DecodeLimits(max_frames_counted=300), preprocessings=[SMALL]) as sandbox:
        assert first_reason(sandbox, path) == (Reason.TOO_MANY_FRAMES, found)


def test_a_stated_number_of_frames_above_the_limit_is_refused_without_counting(sandbox: Sandbox, folder: Path) -> None:
    path = apng_that_states(folder / "a.png", frames=2_000_000)
    found = "found 2000000 frames or more; at most 5000 are accepted"
    assert first_reason(sandbox, path) == (Reason.TOO_MANY_FRAMES, found)


@pytest.mark.parametrize("suffix", ["gif", "tiff", "png", "webp", "avif"])
@pytest.mark.parametrize(("most", "refused"), [(6, True), (7, False), (8, False)])
def test_the_limit_of_frames_is_exact(suffix: str, most: int, refused: bool, folder: Path) -> None:
    path = write_frames(folder / f"a.{suffix}", one_red_of(7, at=6))
    with Sandbox(limits=DecodeLimits(max_frames_counted=most), preprocessings=[SMALL]) as sandbox:
        (outcome,) = sandbox.decode([path])
    assert isinstance(outcome, RefusedFile) is refused
    assert refused or outcome.frames == tuple(range(7))  # type: ignore[union-attr]


@pytest.mark.parametrize("make", [gif, tiff])
def test_the_count_equals_pillows(make: object, sandbox: Sandbox, folder: Path) -> None:
    for count in (1, 2, 17, 400):
        options = {"canvas": (5, 5), "frames": count} if make is gif else {"pages": count}
        path = make(folder / "a", **options)  # type: ignore[operator]
        with Image.open(path) as image:
            assert sandbox.probe(path).frames == image.n_frames == count  # type: ignore[attr-defined]


def test_a_large_canvas_with_many_frames_is_refused_by_its_header(sandbox: Sandbox, folder: Path) -> None:
    path = gif(folder / "a.gif", canvas=(7000, 7000), frames=300)
    assert path.stat().st_size < 5_000
    reason, detail = first_reason(sandbox, path)
    assert reason == Reason.TOO_MANY_FRAMES
    assert detail == (
        "found 300 frames of 7000 x 7000 = 14700000000 pixels; at most 300000000 are accepted in all frames"
    )


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "avif"])
@pytest.mark.parametrize(("most", "refused"), [(5 * 64 * 48 - 1, True), (5 * 64 * 48, False)])
def test_the_limit_of_composed_pixels_is_exact(suffix: str, most: int, refused: bool, folder: Path) -> None:
    path = write_frames(folder / f"a.{suffix}", one_red_of(5, at=4))
    with Sandbox(limits=DecodeLimits(max_pixels_composed=most), preprocessings=[SMALL]) as sandbox:
        (outcome,) = sandbox.decode([path])
    assert isinstance(outcome, RefusedFile) is refused


@pytest.mark.parametrize("suffix", ["tiff", "mpo"])
def test_pages_are_independent_and_not_composed(suffix: str, folder: Path) -> None:
    path = write_frames(folder / f"a.{suffix}", one_red_of(2, at=1))
    with Sandbox(limits=DecodeLimits(max_pixels_composed=1), preprocessings=[SMALL]) as sandbox:
        (outcome,) = sandbox.decode([path])
    assert isinstance(outcome, DecodedFile)


def test_a_single_picture_is_not_an_animation(folder: Path) -> None:
    with Sandbox(limits=DecodeLimits(max_pixels_composed=1), preprocessings=[SMALL]) as sandbox:
        (outcome,) = sandbox.decode([write(folder / "a.png")])
    assert isinstance(outcome, DecodedFile)


def test_a_canvas_that_grows_on_the_way_is_measured_there(sandbox: Sandbox, folder: Path) -> None:
    path = gif(folder / "a.gif", canvas=(1, 1), frames=300, corner=(6999, 6999))
    assert sandbox.probe(path).width == 1
    (outcome,) = sandbox.decode([path])
    assert isinstance(outcome, RefusedFile)
    assert outcome.detail.startswith("found 7 frames of 7000 x 7000")


def test_a_late_frame_is_not_rendered_at_any_cost(sandbox: Sandbox, folder: Path) -> None:
    path = gif(folder / "a.gif", canvas=(7000, 7000), frames=300)
    with pytest.raises(ImageRefused, match="at most 300000000 are accepted in all frames"):
        render(sandbox, path, frame=299)


def test_600_frames_of_800_x_600_pass(sandbox: Sandbox, folder: Path) -> None:
    (outcome,) = sandbox.decode([gif(folder / "a.gif", canvas=(800, 600), frames=600)])
    assert isinstance(outcome, DecodedFile), outcome
    assert outcome.header.frames == 600
    assert outcome.frames == (0, 0)  # they are all alike, and their canvas is transparent


@pytest.mark.parametrize(("probe_seconds", "seconds"), [(0.1, 10.0), (2.0, 0.1)])
def test_the_header_has_a_time_limit_of_its_own(probe_seconds: float, seconds: float, folder: Path) -> None:
    path = gif_of_many_blocks(folder / "a.gif")
    with Sandbox(limits=DecodeLimits(probe_seconds=probe_seconds, seconds=seconds)) as sandbox:
        with pytest.raises(ImageRefused) as caught:
            sandbox.probe(path)
        assert caught.value.reason == Reason.TIMED_OUT
        assert caught.value.detail == "no answer within 0.1 seconds"
        assert sandbox.probe(write(folder / "a.png")).width == 64


def test_a_late_file_is_tried_once_and_affects_no_other(folder: Path, started: list[DecoderChild]) -> None:
    paths = [write(folder / "a.png"), gif_of_many_blocks(folder / "b.gif"), write(folder / "c.png")]
    with Sandbox(limits=DecodeLimits(seconds=1.0), preprocessings=[SMALL]) as sandbox:
        outcomes = list(sandbox.decode(paths))
    assert [type(outcome) for outcome in outcomes] == [DecodedFile, RefusedFile, DecodedFile]
    assert outcomes[1] == RefusedFile(paths[1], Reason.TIMED_OUT, "no answer within 1 seconds")
    assert len(started) == 2  # the second one only for the file behind it
