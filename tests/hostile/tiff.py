"""Odd TIFF files: circular directories, overlapping strips, extreme tiles and counts, odd compressions."""

import struct
from collections.abc import Mapping

from PIL import Image

from moderation.decoding.images import Reason
from tests.hostile.case import (
    SCORED,
    TOO_MANY_FRAMES_IN_TIME,
    TOO_MANY_PIXELS,
    TRUNCATED,
    UNREADABLE,
    Case,
    Cases,
    quarantined,
)
from tests.hostile.seeds import encoded, noise

WIDTH, HEIGHT, BITS, COMPRESSION, COLOUR, STRIPS, SAMPLES, ROWS, BYTES, PLANES, PREDICTOR = (
    256, 257, 258, 259, 262, 273, 277, 278, 279, 284, 317,
)  # fmt: skip
COLOURS, TILE_WIDTH, TILE_HEIGHT, TILES, TILE_BYTES, SUB, EXTRA, KIND = 320, 322, 323, 324, 325, 330, 338, 339
SHORT, LONG, SIGNED, FLOAT, DOUBLE = 3, 4, 9, 11, 12
#: The offset of the pixels, after the header.
DATA = 8

Tags = Mapping[int, int | tuple[int, int, int]]
PAGE: Tags = {WIDTH: 8, HEIGHT: 8, BITS: 8, COMPRESSION: 1, COLOUR: 1, STRIPS: DATA, SAMPLES: 1, ROWS: 8, BYTES: 64}


def directory(tags: Tags, *, following: int, order: str = "<") -> bytes:
    """Return a directory of ``tags``: values as long integers, or (type, count, value or offset)."""
    rows = [(tag, *(value if isinstance(value, tuple) else (LONG, 1, value))) for tag, value in sorted(tags.items())]
    entries = b"".join(struct.pack(order + "HHII", *row) for row in rows)
    return struct.pack(order + "H", len(rows)) + entries + struct.pack(order + "I", following)


def tiff(*pages: Tags, data: bytes = bytes(range(64)), last: int = 0, order: str = "<", extra: bytes = b"") -> bytes:
    """Return pages that share ``data``; the last page points at ``last``. ``extra`` follows the data."""
    at = DATA + len(data) + len(extra)
    file = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "I", at) + data + extra
    for number, tags in enumerate(pages, 1):
        following = len(file) + 2 + 12 * len(tags) + 4 if number < len(pages) else last
        file += directory(tags, following=following, order=order)
    return file


def page(**changes: int | tuple[int, int, int]) -> Tags:
    """Return a page with other values: ``page(WIDTH=7)``."""
    return PAGE | {globals()[name]: value for name, value in changes.items()}


def offset_of_shorts(values: bytes, *, after: bytes, order: str) -> int:
    """Return the content of a tag of short integers: two fit into the tag itself, more lie behind the pixels."""
    return struct.unpack(order + "I", values)[0] if len(values) == 4 else DATA + len(after)


def sizes() -> Cases:
    overlapping = page(WIDTH=7071, HEIGHT=7071, ROWS=7071, BYTES=7071 * 884, BITS=1)
    yield Case("tiff/just below the limit", tiff(overlapping, data=bytes(7071 * 884)), SCORED, large=True)
    yield Case("tiff/just above the limit", tiff(page(WIDTH=7072, HEIGHT=7072)), TOO_MANY_PIXELS)
    yield Case("tiff/bomb of 18 exapixels", tiff(page(WIDTH=2**32 - 1, HEIGHT=2**32 - 1)), TOO_MANY_PIXELS)
    yield Case("tiff/no width", tiff(page(WIDTH=0)), UNREADABLE)
    yield Case(
        "tiff/negative size", tiff(page(WIDTH=(SIGNED, 1, 2**32 - 8), HEIGHT=(SIGNED, 1, 2**32 - 8))), UNREADABLE
    )
    yield Case("tiff/width as a fraction", tiff(page(WIDTH=(FLOAT, 1, 0x7FC00000))), UNREADABLE)
    yield Case(
        "tiff/huge second page", tiff(PAGE, page(WIDTH=60_000, HEIGHT=60_000)), quarantined(Reason.TOO_MANY_PIXELS)
    )
    yield Case("tiff/huge tiles", tiff(tiled(2**16, 2**16)), TRUNCATED)
    yield Case("tiff/tiles of no width", tiff(tiled(0, 16)), UNREADABLE)
    yield Case("tiff/tiles", tiff(tiled(16, 16), data=bytes(256)), SCORED)


def tiled(width: int, height: int) -> Tags:
    rest = {tag: value for tag, value in PAGE.items() if tag not in (STRIPS, ROWS, BYTES)}
    return rest | {TILE_WIDTH: width, TILE_HEIGHT: height, TILES: DATA, TILE_BYTES: 256}


def circles() -> Cases:
    first = DATA + 64
    yield Case("tiff/points at itself", tiff(PAGE, last=first), SCORED)
    yield Case("tiff/two pages in a circle", tiff(PAGE, PAGE, last=first), SCORED)
    yield Case("tiff/second page in itself", tiff(PAGE, PAGE, last=first + 2 + 12 * len(PAGE) + 4), SCORED)
    yield Case("tiff/points at its header", tiff(PAGE, last=0xFFFFFFFF), UNREADABLE)
    yield Case("tiff/points into its pixels", tiff(PAGE, last=DATA), UNREADABLE)
    yield Case("tiff/directory within itself", tiff(page(SUB=first)), SCORED)
    yield Case("tiff/exif within itself", tiff(PAGE | {34665: first}), SCORED)
    yield Case("tiff/5,001 pages", tiff(*[PAGE] * 5001), TOO_MANY_FRAMES_IN_TIME)
    yield Case("tiff/4,000 pages", tiff(*[PAGE] * 4000), SCORED)
    yield Case("tiff/directory of nothing", tiff({}), UNREADABLE)
    yield Case("tiff/only a header", b"II*\0\x08\0\0\0", UNREADABLE)
    yield Case("tiff/directory beyond the end", b"II*\0\xff\xff\xff\xff", UNREADABLE)
    yield Case("tiff/65,535 entries", b"II*\0\x08\0\0\0\xff\xff" + bytes(9000), UNREADABLE)
    yield Case("tiff/big", b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0" + bytes(64), UNREADABLE)


def compressions() -> Cases:
    codes = (2, 3, 4, 5, 6, 7, 8, 9, 10, 99, 32766, 32771, 32773, 32809, 32908, 32946, 34661, 34676, 34677, 34712,
             34887, 34925, 50000, 50001, 50002, 65535)  # fmt: skip
    for code in codes:
        yield Case(f"tiff/compression {code} of other bytes", tiff(page(COMPRESSION=code)), UNREADABLE)
    for name in ("tiff_lzw", "packbits", "tiff_adobe_deflate", "zstd", "lzma", "jpeg"):
        yield Case(f"tiff/{name}", encoded(noise(), "TIFF", compression=name), SCORED)
    for name in ("group3", "group4", "tiff_ccitt"):
        yield Case(f"tiff/{name}", encoded(noise(mode="1"), "TIFF", compression=name), SCORED)


def kinds() -> Cases:
    for mode in ("1", "L", "LA", "P", "RGBA", "RGBX", "CMYK", "LAB", "YCbCr", "I;16", "I", "F"):
        yield Case(f"tiff/{mode}", encoded(mode_of(mode), "TIFF"), SCORED)
    yield Case("tiff/16 bits, big-endian", tiff(page(BITS=16, WIDTH=4), order=">"), SCORED)
    yield Case("tiff/64-bit numbers", tiff(page(BITS=64, KIND=3, WIDTH=1)), UNREADABLE)
    yield Case("tiff/16-bit numbers", tiff(page(BITS=16, KIND=3, WIDTH=4)), UNREADABLE)
    yield Case("tiff/not a number", tiff(page(BITS=32, KIND=3, WIDTH=2), data=b"\0\0\xc0\x7f" * 16), SCORED)
    yield Case("tiff/infinite", tiff(page(BITS=32, KIND=3, WIDTH=2), data=b"\0\0\x80\x7f\0\0\0\0" * 8), SCORED)
    premultiplied = page(SAMPLES=2, BITS=(SHORT, 2, 8 | 8 << 16), EXTRA=1, HEIGHT=4, ROWS=4)
    yield Case("tiff/premultiplied transparency", tiff(premultiplied), SCORED)
    yield Case("tiff/bits that differ", tiff(page(SAMPLES=2, BITS=(SHORT, 2, 8 | 3 << 16))), UNREADABLE)
    yield Case("tiff/65,535 bits", tiff(page(BITS=65_535)), UNREADABLE)
    yield Case("tiff/65,535 samples", tiff(page(SAMPLES=65_535)), UNREADABLE)
    yield Case("tiff/planes apart", tiff(page(PLANES=2)), SCORED)
    yield Case("tiff/palette too short", tiff(page(COLOUR=3, COLOURS=(SHORT, 3, DATA))), SCORED)
    yield Case("tiff/colour 65,535", tiff(page(COLOUR=65_535)), UNREADABLE)


def mode_of(mode: str) -> Image.Image:
    if mode in ("I;16", "F", "LAB"):
        return Image.new(mode, (64, 48), 1 if mode != "LAB" else (1, 2, 3))
    return noise(mode=mode)


def counts() -> Cases:
    yield Case("tiff/no strips", tiff(page(STRIPS=(LONG, 0, DATA))), UNREADABLE)
    yield Case("tiff/4 billion strips", tiff(page(STRIPS=(LONG, 2**32 - 1, DATA))), UNREADABLE)
    yield Case("tiff/strips beyond the end", tiff(page(STRIPS=2**32 - 1)), TRUNCATED)
    yield Case("tiff/strip of 4 gigabytes", tiff(page(BYTES=2**32 - 1)), SCORED)
    yield Case("tiff/strip of no bytes", tiff(page(BYTES=0)), SCORED)
    yield Case("tiff/no rows in a strip", tiff(page(ROWS=0)), UNREADABLE)
    yield Case("tiff/4 billion rows in a strip", tiff(page(ROWS=2**32 - 1)), SCORED)
    yield Case("tiff/type 99", tiff(PAGE | {700: (99, 1, 0)}), SCORED)
    yield Case("tiff/giant xmp", tiff(PAGE | {700: (1, 3_000_000, DATA + 64)}, extra=b"<x>" * 1_000_000), SCORED)
    yield Case("tiff/giant profile", tiff(PAGE | {34675: (7, 3_000_000, DATA + 64)}, extra=bytes(3_000_000)), SCORED)
    yield Case("tiff/4 billion fractions", tiff(PAGE | {282: (5, 2**32 - 1, DATA)}), SCORED)
    megabyte = PAGE | {700: (1, 1_000_000, DATA + 64)}
    yield Case("tiff/900 pages that share a megabyte", tiff(*[megabyte] * 900, extra=bytes(1_000_000)), SCORED)


def cases() -> Cases:
    for family in (sizes, circles, compressions, kinds, counts):
        yield from family()
