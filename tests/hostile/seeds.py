"""Small valid files: one for each format, and its animated and other variants."""

import io
import random
from collections.abc import Sequence
from functools import cache
from typing import Any

from PIL import ExifTags, Image

from moderation.demo.heic import heic


def encoded(image: Image.Image, fmt: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, fmt, **options)
    return out.getvalue()


def noise(*, size: tuple[int, int] = (64, 48), mode: str = "RGB", salt: int = 0) -> Image.Image:
    """Return pixels that do not compress, so that a cut at any tenth removes pixels."""
    image = Image.frombytes("RGB", size, random.Random(salt).randbytes(size[0] * size[1] * 3))
    return image if mode == "RGB" else image.convert(mode)


def animated(fmt: str, *, frames: int = 4, size: tuple[int, int] = (40, 30), **options: Any) -> bytes:
    first, *others = pictures(frames, size=size)
    return encoded(first, fmt, save_all=True, append_images=others, **options)


def pictures(count: int, *, size: tuple[int, int]) -> Sequence[Image.Image]:
    return [noise(size=size, salt=number) for number in range(count)]


@cache
def seeds() -> dict[str, bytes]:
    still = {fmt.lower(): encoded(noise(), fmt) for fmt in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF")}
    moving = {f"animated-{fmt.lower()}": animated(fmt) for fmt in ("PNG", "GIF", "TIFF", "WEBP", "AVIF")}
    return still | moving | {
        "progressive-jpeg": encoded(noise(), "JPEG", progressive=True),
        "cmyk-jpeg": encoded(noise(mode="CMYK"), "JPEG"),
        "mpo": animated("MPO", frames=2),  # Pillow writes wrong offsets for more
        "lossless-webp": encoded(noise(), "WEBP", lossless=True),
        "lzw-tiff": encoded(noise(), "TIFF", compression="tiff_lzw"),
        "heic": heic(noise()),
        "palette-png": encoded(noise(mode="P"), "PNG"),
    }  # fmt: skip


def exif(*, orientation: int) -> Image.Exif:
    block = Image.Exif()
    block[ExifTags.Base.Orientation] = orientation
    return block
