"""Every mode that PNG and JPEG files come in is decoded, and so is LAB in TIFF."""

import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from moderation.decoding.images import DecodeLimits
from moderation.decoding.preprocessing import Preprocessing, Resize
from moderation.decoding.sandbox import DecodedFile, Sandbox
from moderation.inference.scorer import Scored, Scorer
from tests.hostile import png, tiff
from tests.moderation.decoding.pictures import BLACK, plain, write

#: Mode, colour, options of the encoder; the red of the result, of 1, with transparency on white.
PNG_MODES: list[tuple[str, Any, dict[str, Any], float]] = [
    ("1", 0, {}, 0.0),
    ("1", 1, {}, 1.0),
    ("L", 51, {}, 0.2),
    ("L", 51, {"transparency": 51}, 1.0),
    ("LA", (51, 255), {}, 0.2),
    ("LA", (0, 0), {}, 1.0),
    ("P", 0, {}, 0.0),
    ("P", 0, {"transparency": 0}, 1.0),
    ("P", 0, {"transparency": b"\x7f"}, 0.5),
    ("P", 0, {"bits": 1}, 0.0),
    ("P", 0, {"bits": 4}, 0.0),
    ("RGB", (51, 0, 0), {}, 0.2),
    ("RGB", BLACK, {"transparency": BLACK}, 1.0),
    ("RGBA", (51, 0, 0, 255), {}, 0.2),
    ("RGBA", (0, 0, 0, 127), {}, 0.5),
    ("RGBA", (0, 0, 0, 0), {}, 1.0),
    ("I;16", 51 * 256, {}, 0.2),
]

#: PNG's number of a colour type, and the 16-bit samples of one pixel. Of these, Pillow writes only grey.
DEEP_PNG = {
    "grey": (0, [51 * 257], 0.2),
    "RGB": (2, [51 * 257, 0, 0], 0.2),
    "grey and alpha": (4, [0, 0], 1.0),
    "RGBA": (6, [51 * 257, 0, 0, 65535], 0.2),
}


def red(scorer: Scorer, path: Path) -> float:
    (outcome,) = scorer.score([path])
    assert isinstance(outcome, Scored), outcome
    (labels,) = outcome.scores.values()
    return labels["red"].value


@pytest.mark.parametrize(("mode", "colour", "options", "expected"), PNG_MODES)
def test_modes_of_png(
    mode: str, colour: object, options: dict[str, Any], expected: float, scorer: Scorer, folder: Path
) -> None:
    path = write(folder / "a.png", plain(colour, mode=mode), **options)
    with Image.open(path) as image:
        assert image.mode == mode
    assert red(scorer, path) == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize(("kind", "samples", "expected"), DEEP_PNG.values(), ids=list(DEEP_PNG))
def test_png_of_16_bits(kind: int, samples: list[int], expected: float, scorer: Scorer, folder: Path) -> None:
    row = b"\0" + struct.pack(f">{len(samples)}H", *samples) * 64
    header = struct.pack(">IIBBBBB", 64, 48, 16, kind, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(row * 48)) + chunk(b"IEND", b"")
    (folder / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    assert red(scorer, folder / "a.png") == pytest.approx(expected, abs=0.005)


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


@pytest.mark.parametrize(("mode", "colour"), [("L", 51), ("RGB", (51, 0, 0)), ("CMYK", (204, 204, 204, 0))])
def test_modes_of_jpeg(mode: str, colour: object, scorer: Scorer, folder: Path) -> None:
    path = write(folder / "a.jpg", plain(colour, mode=mode))
    assert red(scorer, path) == pytest.approx(0.2, abs=0.01)


def test_jpeg_whose_cmyk_is_stored_as_ycck(scorer: Scorer, folder: Path) -> None:
    # Y 51, no chroma, no black, stored inverted as by Pillow. Then Adobe's marker is changed to state YCCK.
    path = write(folder / "a.jpg", plain((204, 127, 127, 0), mode="CMYK"))
    content = bytearray(path.read_bytes())
    transform = content.index(b"Adobe") + 11
    assert content[transform] == 0
    content[transform] = 2
    path.write_bytes(content)
    assert red(scorer, path) == pytest.approx(0.8, abs=0.01)


def test_lab_is_converted_by_its_lightness(scorer: Scorer, folder: Path) -> None:
    path = write(folder / "a.tiff", plain((128, 128, 128), mode="LAB"))
    assert red(scorer, path) == pytest.approx(119 / 255, abs=0.01)  # L* 50 is sRGB 119


#: Byte order, samples of one pixel, their bits, the meaning of the last one (1: premultiplied transparency).
TIFF_PIXELS = {
    "16 bits, little-endian": ("<", [51 * 256], 16, None, 0.2),
    "16 bits, big-endian": (">", [51 * 256], 16, None, 0.2),
    "grey, half transparent": ("<", [26, 128], 8, 1, 0.6),
    "colours, half transparent": ("<", [26, 0, 0, 128], 8, 1, 0.6),
}


@pytest.mark.parametrize(("order", "samples", "bits", "extra", "expected"), TIFF_PIXELS.values(), ids=list(TIFF_PIXELS))
def test_tiff_pixels_that_pillow_converts_to_few_modes(
    order: str, samples: list[int], bits: int, extra: int | None, expected: float, scorer: Scorer, folder: Path
) -> None:
    data = struct.pack(f"{order}{len(samples)}{'BH'[bits == 16]}", *samples) * 64
    all_bits = struct.pack(f"{order}{len(samples)}H", *[bits] * len(samples))
    offset = tiff.offset_of_shorts(all_bits, after=data, order=order)
    size = bits if len(samples) == 1 else (tiff.SHORT, len(samples), offset)
    tags = tiff.page(BITS=size, SAMPLES=len(samples), COLOUR=2 if len(samples) > 2 else 1, BYTES=len(data))
    path = folder / "a.tiff"
    path.write_bytes(tiff.tiff(tags | ({tiff.EXTRA: extra} if extra else {}), data=data, extra=all_bits, order=order))
    assert red(scorer, path) == pytest.approx(expected, abs=0.01)


def test_fifty_million_pixels_in_one_line_take_little_memory(folder: Path) -> None:
    path = folder / "a.png"
    path.write_bytes(png.png(width=50_000_000, height=1, depth=1, colour=png.GREY))
    exact = Preprocessing("exact", Resize("exact", (256, 256), "bilinear"), None, False, False)
    with Sandbox(limits=DecodeLimits(address_space=600_000_000), preprocessings=[exact]) as sandbox:
        (outcome,) = sandbox.decode([path])
    assert isinstance(outcome, DecodedFile), outcome
