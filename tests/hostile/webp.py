"""Odd WebP files: canvases and frames that disagree, chunks with false lengths, pictures of no bytes."""

import struct

from tests.hostile.case import (
    SCORED,
    TOO_MANY_FRAMES,
    TOO_MANY_PIXELS,
    TRUNCATED,
    UNREADABLE,
    Case,
    Cases,
)
from tests.hostile.seeds import animated, encoded, noise

ANIMATED, XMP, EXIF, ALPHA, PROFILE = 2, 4, 8, 16, 32


def chunk(name: bytes, data: bytes, *, length: int | None = None) -> bytes:
    return name + struct.pack("<I", len(data) if length is None else length) + data + b"\0" * (len(data) % 2)


def webp(*chunks: bytes, length: int | None = None) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body) if length is None else length) + body


def flat(width: int, height: int) -> bytes:
    """Return a lossless picture of one colour: five codes of one symbol each, so that a pixel takes no bits."""
    size = (width - 1) | (height - 1) << 14
    bits, at = size | 1 << 31 & 0, 28 + 1 + 3  # size, alpha, version; no transform, no cache, no meta codes
    for symbol in (0, 200, 0, 0, 0):
        bits |= (1 | 0 << 1 | 1 << 2 | symbol << 3) << (at + 3)
        at += 11
    return chunk(b"VP8L", b"\x2f" + bits.to_bytes(14, "little") + bytes(16))


def canvas(width: int, height: int, *, flags: int = 0) -> bytes:
    return chunk(
        b"VP8X", struct.pack("<B3x", flags) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    )


def lossy() -> bytes:
    return encoded(noise(), "WEBP")[12:]


def frame(content: bytes, *, at: tuple[int, int] = (0, 0), size: tuple[int, int] = (64, 48)) -> bytes:
    numbers = (at[0] // 2, at[1] // 2, size[0] - 1, size[1] - 1, 100)
    return chunk(b"ANMF", b"".join(number.to_bytes(3, "little") for number in numbers) + b"\0" + content)


def animation(*frames: bytes, width: int = 64, height: int = 48) -> bytes:
    return webp(canvas(width, height, flags=ANIMATED), chunk(b"ANIM", bytes(6)), *frames)


def sizes() -> Cases:
    yield Case("webp/flat", webp(flat(64, 48)), SCORED)
    yield Case("webp/just below the limit in 40 bytes", webp(flat(7071, 7071)), SCORED)
    yield Case("webp/just above the limit", webp(flat(7072, 7072)), TOO_MANY_PIXELS)
    yield Case("webp/bomb of 268 megapixels", webp(flat(16_383, 16_383)), TOO_MANY_PIXELS)
    yield Case("webp/canvas of 268 megapixels", webp(canvas(16_383, 16_383), lossy()), TOO_MANY_PIXELS)
    yield Case("webp/canvas of 281 terapixels", webp(canvas(2**24, 2**24), lossy()), TOO_MANY_PIXELS)
    yield Case("webp/canvas larger than the picture", webp(canvas(65, 48), lossy()), UNREADABLE)
    yield Case("webp/canvas smaller than the picture", webp(canvas(4, 4), flat(5000, 5000)), UNREADABLE)


def lengths() -> Cases:
    yield Case("webp/states less than it has", webp(lossy(), length=20), UNREADABLE)
    yield Case("webp/states more than it has", webp(lossy(), length=2**31), TRUNCATED)
    yield Case("webp/states nothing", webp(lossy(), length=0), UNREADABLE)
    yield Case("webp/chunk of 4 gigabytes", webp(chunk(b"VP8 ", bytes(64), length=2**32 - 1)), UNREADABLE)
    yield Case("webp/no picture", webp(canvas(4, 4)), UNREADABLE)
    yield Case("webp/only its name", webp(), UNREADABLE)
    yield Case("webp/unknown chunks", webp(canvas(64, 48), chunk(b"JUNK", bytes(99)) * 1000, lossy()), SCORED)
    yield Case("webp/a megabyte behind its end", webp(lossy()) + bytes(1_000_000), SCORED)
    yield Case("webp/giant exif", extended(chunk(b"EXIF", b"II*\0\x08\0\0\0" + bytes(3_000_000)), flags=EXIF), SCORED)
    yield Case("webp/broken exif", extended(chunk(b"EXIF", b"II*\0\xff\xff\xff\xff"), flags=EXIF), SCORED)
    yield Case("webp/giant xmp", extended(chunk(b"XMP ", b"<x>" * 1_000_000), flags=XMP), SCORED)
    profile = webp(canvas(64, 48, flags=PROFILE), chunk(b"ICCP", bytes(3_000_000)), lossy())
    yield Case("webp/giant profile", profile, SCORED)
    yield Case(
        "webp/broken transparency", webp(canvas(64, 48, flags=ALPHA), chunk(b"ALPH", b"\xff" * 40), lossy()), UNREADABLE
    )


def extended(after: bytes, *, flags: int) -> bytes:
    return webp(canvas(64, 48, flags=flags), lossy(), after)


def animations() -> Cases:
    yield Case("webp/no frames", animation(), UNREADABLE)
    yield Case("webp/frame outside", animation(frame(lossy(), at=(2, 2))), UNREADABLE)
    yield Case("webp/frame that states another size", animation(frame(lossy(), size=(4, 4))), SCORED)
    yield Case("webp/frame without a picture", animation(frame(b"")), UNREADABLE)
    yield Case("webp/frame in a frame", animation(frame(frame(lossy()))), SCORED)
    yield Case("webp/5,001 frames", animation(*[tiny()] * 5001, width=1, height=1), TOO_MANY_FRAMES)
    yield Case("webp/5,000 frames", animation(*[tiny()] * 5000, width=1, height=1), SCORED)
    yield Case(
        "webp/just above what may be composed", animation(*[tiny()] * 301, width=1000, height=1000), TOO_MANY_FRAMES
    )
    yield Case(
        "webp/animation without its flag", webp(canvas(64, 48), chunk(b"ANIM", bytes(6)), frame(lossy())), UNREADABLE
    )
    yield Case("webp/second frame broken", animation(frame(lossy()), frame(lossy()[:200])), UNREADABLE)
    yield Case("webp/animation", animated("WEBP"), SCORED)


def tiny() -> bytes:
    return frame(flat(1, 1), size=(1, 1))


def cases() -> Cases:
    yield from sizes()
    yield from lengths()
    yield from animations()
