"""Composed attempts at evasion: each file hides a red patch, to which the patch classifier reacts.

The tests and ``python -m benchmarks.evasion``, which prints the table of docs/evasion.md, use ``ATTACKS``.
"""

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps

from tests.moderation.decoding.pictures import RED, write, write_frames

GREY = (96, 104, 112)


@dataclass(frozen=True)
class Attack:
    """One file.

    Attributes:
        found: whether the patch is scored high.
        untrusted: why the score is untrusted, or "".
        cropped: score with a classifier that crops the centre instead of one that resizes the whole picture.
    """

    name: str
    make: Callable[[Path], Path]
    found: bool = True
    untrusted: str = ""
    cropped: bool = False


def ground(size: tuple[int, int], *, seed: int = 1) -> Image.Image:
    """Return a soft texture without red, different for each seed."""
    noise = np.random.default_rng(seed).integers(0, 80, (6, 8, 3), dtype=np.uint8)
    noise[..., 0] //= 4
    return Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)


def patched(size: tuple[int, int], box: tuple[int, int, int, int], *, seed: int = 1) -> Image.Image:
    picture = ground(size, seed=seed)
    picture.paste(RED, box)
    return picture


def bad(size: tuple[int, int] = (320, 240)) -> Image.Image:
    """A picture that the classifier scores high."""
    return patched(size, (size[0] // 4, size[1] // 4, size[0] // 2, size[1] // 2))


def tall_end(folder: Path) -> Path:
    return write(folder / "tall.png", patched((200, 1600), (60, 1500, 140, 1580)))


def wide_end(folder: Path) -> Path:
    return write(folder / "wide.png", patched((1600, 200), (1500, 60, 1580, 140)))


def cropped_end(folder: Path) -> Path:
    return write(folder / "end.png", patched((640, 360), (10, 140, 90, 220)))


def very_long(folder: Path) -> Path:
    return write(folder / "long.png", patched((64, 4000), (0, 3900, 64, 3964)))


def small_in_large(folder: Path) -> Path:
    return write(folder / "large.jpg", patched((6000, 4500), (5000, 3000, 5400, 3400)), quality=90)


def dimmed(folder: Path) -> Path:
    """A patch so small that the whole picture's score lies just below the band."""
    return write(folder / "dim.png", patched((640, 640), (300, 40, 341, 81)))


def tiny(folder: Path) -> Path:
    return write(folder / "tiny.png", ground((40, 40)))


def one_of_300(folder: Path) -> Path:
    frames = [ground((120, 90)) for _ in range(300)]
    for index, frame in enumerate(frames):
        frame.putpixel((index % 120, index // 120), (0, 255, 0))  # so that no encoder merges them
    frames[211] = bad((120, 90))
    return write_frames(folder / "one.gif", frames, duration=40)


def one_of_300_moving(folder: Path) -> Path:
    wide = ground((720, 90), seed=3)
    frames = [wide.crop((index * 2, 0, index * 2 + 120, 90)) for index in range(300)]
    frames[211] = bad((120, 90))
    return write_frames(folder / "moving.webp", frames, duration=40, lossless=True)


def slides(folder: Path) -> Path:
    rng = np.random.default_rng(4)
    frames = [Image.new("RGB", (60, 60), (0, *rng.integers(0, 255, 2).tolist())) for _ in range(200)]
    for index, frame in enumerate(frames):
        frame.paste((0, *rng.integers(0, 255, 2).tolist()), (0, 0, 30 + index % 30, 30))
    frames[150] = patched((64, 64), (0, 0, 9, 9)).resize((60, 60))
    return write_frames(folder / "slides.png", [frame.resize((80, 80)) for frame in frames])


def second_of_mpo(folder: Path) -> Path:
    return write_frames(folder / "two.mpo", [ground((320, 240)), bad()])


def page_of_tiff(folder: Path) -> Path:
    return write_frames(folder / "pages.tiff", [*(ground((320, 240), seed=page) for page in range(9)), bad()])


def apng_default(folder: Path) -> Path:
    """Hide the patch in the picture for programs without APNG support, which is not part of the animation."""
    frames = [bad(), ground((320, 240)), ground((320, 240), seed=2)]
    return write_frames(folder / "still.png", frames, default_image=True, duration=100)


def preview(folder: Path) -> Path:
    exif = Image.Exif()
    exif[274] = 1
    content = io.BytesIO()
    bad((160, 120)).save(content, "JPEG")
    block = exif_with_preview(content.getvalue())
    return write(folder / "preview.jpg", ground((640, 480)), exif=block)


def exif_with_preview(jpeg: bytes) -> bytes:
    """An EXIF block whose second directory holds ``jpeg``, as cameras write it."""
    first = struct.pack("<H", 0) + struct.pack("<I", 14)
    entries = [(0x0103, 3, 1, 6), (0x0201, 4, 1, 14 + 2 + 3 * 12 + 4), (0x0202, 4, 1, len(jpeg))]
    second = struct.pack("<H", 3) + b"".join(struct.pack("<HHII", *entry) for entry in entries) + struct.pack("<I", 0)
    return b"Exif\0\0II*\0" + struct.pack("<I", 8) + first + second + jpeg


def on_black(folder: Path) -> Path:
    """Translucent red: pale on white, deep on black."""
    picture = Image.new("RGBA", (320, 240), (255, 255, 255, 0))
    picture.paste((255, 0, 0, 145), (80, 60, 160, 120))
    return write(folder / "veil.png", picture)


def on_side(folder: Path) -> Path:
    exif = Image.Exif()
    exif[274] = 6
    return write(folder / "turned.jpg", bad(), exif=exif)


def cmyk(folder: Path) -> Path:
    return write(folder / "cmyk.jpg", bad().convert("CMYK"), quality=90)


def deep(folder: Path) -> Path:
    """16 bits a channel."""
    values = np.asarray(bad(), dtype=">u2") * 257
    rows = b"".join(b"\0" + row.tobytes() for row in values)
    header = struct.pack(">IIBBBBB", 320, 240, 16, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return _png(folder / "deep.png", chunks)


def swapped_by_profile(folder: Path) -> Path:
    """Store red as green with a profile that exchanges them, so that browsers show red."""
    red, green, blue = bad().split()
    return write(folder / "icc.png", Image.merge("RGB", (green, red, blue)), icc_profile=swapped_profile())


def by_gamma(folder: Path) -> Path:
    """Store the patch too pale to be recognised; the gamma chunk makes it deep again."""
    pale = bad().point([round(255 * (value / 255) ** 0.08) if value else 150 for value in range(256)] * 3)
    content = io.BytesIO()
    pale.save(content, "PNG")
    png = content.getvalue()
    gama = b"gAMA" + struct.pack(">I", round(0.45455 * 0.08 * 100_000))
    chunk = struct.pack(">I", 4) + gama + struct.pack(">I", zlib.crc32(gama))
    path = folder / "gamma.png"
    path.write_bytes(png[:33] + chunk + png[33:])
    return path


def inverted(folder: Path) -> Path:
    return write(folder / "inverted.png", ImageOps.invert(bad()))


def padded(folder: Path) -> Path:
    picture = Image.new("RGB", (1600, 1200), GREY)
    picture.paste(patched((320, 240), (80, 60, 140, 120)), (640, 480))
    return write(folder / "padded.png", picture)


def padded_by_pattern(folder: Path) -> Path:
    picture = ground((1600, 1200), seed=8)
    picture.paste(patched((320, 240), (80, 60, 140, 120)), (640, 480))
    return write(folder / "pattern.png", picture)


def swapped_profile() -> bytes:
    """sRGB with the primaries of red and green exchanged."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    places = {bytes(profile[at : at + 4]): at for at in range(132, 132 + 12 * profile[131], 12)}
    red, green = places[b"rXYZ"], places[b"gXYZ"]
    profile[red + 4 : red + 12], profile[green + 4 : green + 12] = (
        profile[green + 4 : green + 12],
        profile[red + 4 : red + 12],
    )
    return bytes(profile)


def _png(path: Path, chunks: tuple[tuple[bytes, bytes], ...]) -> Path:
    parts = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    ]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    return path


ATTACKS = (
    Attack("at the end of a tall picture", tall_end),
    Attack("at the end of a wide picture", wide_end),
    Attack("outside the centre crop of 16:9", cropped_end, cropped=True),
    Attack("62 times as long as wide", very_long, untrusted="too_long"),
    Attack("small in 27 megapixels", small_in_large),
    Attack("score just below the band", dimmed),
    Attack("40 x 40 pixels", tiny, found=False, untrusted="low_resolution"),
    Attack("one frame of 300, still scene (GIF)", one_of_300),
    Attack("one frame of 300, moving scene (WebP)", one_of_300_moving),
    Attack("one of 200 unlike pictures (APNG)", slides, found=False, untrusted="not_all_seen"),
    Attack("second picture of an MPO file", second_of_mpo),
    Attack("last page of a TIFF file", page_of_tiff),
    Attack("default picture of an APNG file", apng_default),
    Attack("another picture as EXIF preview", preview),
    Attack("transparent, seen on black alone", on_black),
    Attack("EXIF orientation", on_side),
    Attack("CMYK", cmyk),
    Attack("16 bits a channel", deep),
    Attack("ICC profile that exchanges colours", swapped_by_profile),
    Attack("PNG gamma of 0.036", by_gamma),
    Attack("plain border around it", padded),
    Attack("patterned border around it", padded_by_pattern, found=False),
    Attack("colours inverted", inverted, found=False),
)
