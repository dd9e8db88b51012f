"""Files that programs read in several ways, composed by code: orientation, colours, animations, unusual bit masks."""

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from tests.hostile.png import chunk
from tests.moderation.decoding.attacks import ground, swapped_profile

SIZE = (160, 120)
#: Chromaticities of sRGB, in 100,000ths: white, then red and green exchanged, then blue.
SWAPPED = (31270, 32900, 30000, 60000, 64000, 33000, 15000, 6000)
SHORT, LONG = 3, 4


def photo(seed: int = 1) -> Image.Image:
    """A soft picture whose quarters differ, so that each turn and each change of colours shows."""
    picture = ground(SIZE, seed=seed)
    picture.paste((200, 90, 60), (0, 0, 60, 40))
    picture.paste((70, 160, 90), (100, 80, 160, 120))
    return picture


def encoded(fmt: str, picture: Image.Image | None = None, **options: Any) -> bytes:
    out = io.BytesIO()
    (picture or photo()).save(out, fmt, **options)
    return out.getvalue()


def tiff_block(orientation: int, *, kind: int = SHORT) -> bytes:
    """An EXIF directory with one tag: orientation."""
    value = struct.pack("<HH", orientation, 0) if kind == SHORT else struct.pack("<I", orientation)
    return b"II*\0\x08\0\0\0" + struct.pack("<HHHI", 1, 274, kind, 1) + value + bytes(4)


def jpeg_with(segment: bytes) -> bytes:
    content = encoded("JPEG", quality=95)
    return content[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + content[2:]


def xmp_block(orientation: int) -> bytes:
    return f'<x:xmpmeta><rdf:Description tiff:Orientation="{orientation}"/></x:xmpmeta>'.encode()


def jpeg_turned_by_xmp() -> bytes:
    return jpeg_with(b"http://ns.adobe.com/xap/1.0/\0" + xmp_block(3))


def webp_turned_by_exif() -> bytes:
    return encoded("WEBP", quality=95, exif=b"Exif\0\0" + tiff_block(3))


def png_with(*chunks: bytes, picture: Image.Image | None = None) -> bytes:
    content = encoded("PNG", picture)
    return content[:33] + b"".join(chunks) + content[33:]


def gamma(value: float) -> bytes:
    return chunk(b"gAMA", struct.pack(">I", round(100_000 * value)))


def chromaticities() -> bytes:
    return chunk(b"cHRM", struct.pack(">8I", *SWAPPED))


def code_points(primaries: int, transfer: int, matrix: int = 0) -> bytes:
    return chunk(b"cICP", bytes((primaries, transfer, matrix, 1)))


def translucent() -> Image.Image:
    picture = photo().convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(SIZE))
    return picture


def avif_with_code_points(primaries: int, transfer: int) -> bytes:
    content = bytearray(encoded("AVIF", quality=90, subsampling="4:4:4"))
    place = content.index(b"colrnclx") + 8
    content[place : place + 4] = struct.pack(">HH", primaries, transfer)
    return bytes(content)


def frame_control(number: int, *, box: tuple[int, int, int, int], disposal: int = 0) -> bytes:
    left, top, right, bottom = box
    numbers = (number, right - left, bottom - top, left, top, 50, 100, disposal, 0)
    return chunk(b"fcTL", struct.pack(">5I2H2B", *numbers))


def compressed(picture: Image.Image) -> bytes:
    rows = np.asarray(picture.convert("RGB"))
    return zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))


def animated_png(*leading: bytes, disposal: int = 0) -> bytes:
    """A still picture, and an animation of two frames that does not contain it; the second covers the middle alone."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *SIZE, 8, 2, 0, 0, 0))
    start = b"\x89PNG\r\n\x1a\n" + header + b"".join(leading) + chunk(b"IDAT", compressed(photo(seed=7)))
    middle = (40, 30, 120, 90)
    return (
        start
        + frame_control(0, box=(0, 0, *SIZE), disposal=disposal)
        + chunk(b"fdAT", struct.pack(">I", 1) + compressed(photo(seed=2)))
        + frame_control(2, box=middle)
        + chunk(b"fdAT", struct.pack(">I", 3) + compressed(photo(seed=3).crop(middle)))
        + chunk(b"IEND")
    )


def frames_stated(count: int) -> bytes:
    return chunk(b"acTL", struct.pack(">II", count, 0))


def gif_that_clears() -> bytes:
    """The first frame is cleared before the second, which covers the right half; no colour is transparent."""
    first = photo().quantize(64)
    second = photo(seed=2).crop((80, 0, 160, 120)).quantize(palette=first)
    start, image = gif_parts(first)
    _, half = gif_parts(second)
    control = b"!\xf9\4" + bytes((2 << 2, 50, 0, 0, 0))
    return start + control + image + control + b"," + struct.pack("<H", 80) + half[3:] + b";"


def gif_parts(picture: Image.Image) -> tuple[bytes, bytes]:
    """Return the header with the palette, and the image with its description."""
    content = encoded("GIF", picture, optimize=False)
    place = content.index(b",\0\0\0\0" + struct.pack("<HH", *picture.size))
    return content[:place], content[place:-1]


def bmp_of_ten_bits() -> bytes:
    """32 bits a pixel, ten for each channel."""
    red, green, blue = (values.astype(np.uint32) * 4 for values in np.moveaxis(np.asarray(photo()), -1, 0))
    pixels: bytes = ((red << 20) | (green << 10) | blue)[::-1].astype("<u4").tobytes()
    masks = struct.pack("<3I", 0x3FF << 20, 0x3FF << 10, 0x3FF)
    info = struct.pack("<IiiHHIIiiII", 40, *SIZE, 1, 32, 3, len(pixels), 0, 0, 0, 0) + masks
    return b"BM" + struct.pack("<IHHI", 14 + len(info) + len(pixels), 0, 0, 14 + len(info)) + info + pixels


def cut_behind_its_pixels() -> bytes:
    return encoded("PNG")[:-4]


#: Name -> (media type, builder). Browsers draw each in one certain way.
ODD_FILES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "JPEG turned by EXIF": ("image/jpeg", lambda: jpeg_with(b"Exif\0\0" + tiff_block(6))),
    "JPEG with orientation of a wrong type": ("image/jpeg", lambda: jpeg_with(b"Exif\0\0" + tiff_block(6, kind=LONG))),
    "JPEG turned by XMP": ("image/jpeg", jpeg_turned_by_xmp),
    "JPEG with a profile": ("image/jpeg", lambda: encoded("JPEG", quality=95, icc_profile=swapped_profile())),
    "WebP turned by EXIF": ("image/webp", webp_turned_by_exif),
    "WebP with a profile": ("image/webp", lambda: encoded("WEBP", quality=95, icc_profile=swapped_profile())),
    "PNG turned by EXIF": ("image/png", lambda: png_with(chunk(b"eXIf", tiff_block(3)))),
    "PNG with a gamma": ("image/png", lambda: png_with(gamma(0.8))),
    "PNG with chromaticities": ("image/png", lambda: png_with(gamma(0.45455), chromaticities())),
    "PNG with a gamma and transparency": ("image/png", lambda: png_with(gamma(0.2), picture=translucent())),
    "PNG whose sRGB chunk goes before its gamma": (
        "image/png", lambda: png_with(chunk(b"sRGB", b"\0"), gamma(1.0), chromaticities())),
    "PNG in Display P3": ("image/png", lambda: png_with(code_points(12, 13))),
    "PNG in PQ": ("image/png", lambda: png_with(code_points(9, 16))),
    "PNG in HLG": ("image/png", lambda: png_with(code_points(9, 18))),
    "PNG cut behind its pixels": ("image/png", cut_behind_its_pixels),
    "animated PNG that states its frames twice": (
        "image/png", lambda: animated_png(frames_stated(2), frames_stated(2))),
    "animated PNG that clears": ("image/png", lambda: animated_png(frames_stated(2), disposal=1)),
    "animated GIF that clears": ("image/gif", gif_that_clears),
    "AVIF in Display P3": ("image/avif", lambda: avif_with_code_points(12, 13)),
    "AVIF in PQ": ("image/avif", lambda: avif_with_code_points(9, 16)),
    "BMP with ten bits a channel": ("image/bmp", bmp_of_ten_bits),
}  # fmt: skip
