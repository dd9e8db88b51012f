"""Odd GIF files: endless frames, frames beyond their canvas, codes of impossible widths."""

import struct

from PIL import Image

from moderation.decoding.images import Reason
from tests.hostile.case import (
    SCORED,
    TOO_MANY_FRAMES,
    TOO_MANY_PIXELS,
    TRUNCATED,
    UNREADABLE,
    Case,
    Cases,
    quarantined,
)
from tests.hostile.seeds import encoded

#: Only the decode process reads the second frame.
GROWS = quarantined(Reason.TOO_MANY_PIXELS)
#: One pixel, LZW-coded: the width of the codes, one block, the end.
PIXEL = b"\x02\x02\x44\x01\x00"
LOOP = b"!\xff\x0bNETSCAPE2.0\x03\x01\0\0\0"
END = b";"


def start(width: int, height: int, *, flags: int = 0x80) -> bytes:
    return b"GIF89a" + struct.pack("<HHBBB", width, height, flags, 0, 0) + b"\0\0\0\xff\0\0" * (flags >= 0x80)


def picture(
    width: int = 1, height: int = 1, *, at: tuple[int, int] = (0, 0), data: bytes = PIXEL, flags: int = 0
) -> bytes:
    return b"," + struct.pack("<HHHHB", *at, width, height, flags) + data


def comment(blocks: bytes) -> bytes:
    return b"!\xfe" + blocks + b"\0"


def blocks(data: bytes) -> bytes:
    parts = (data[at : at + 255] for at in range(0, len(data), 255))
    return b"".join(bytes((len(part),)) + part for part in parts)


def sizes() -> Cases:
    below = encoded(Image.new("P", (7071, 7071)), "GIF")
    yield Case("gif/just below the limit", below, SCORED, large=True)
    yield Case("gif/just above the limit", start(7072, 7072) + picture() + END, TOO_MANY_PIXELS)
    yield Case("gif/bomb of 4.3 gigapixels", start(65_535, 65_535) + picture() + END, TOO_MANY_PIXELS)
    yield Case("gif/huge frame on a small canvas", start(1, 1) + picture(65_535, 65_535) + END, TOO_MANY_PIXELS)
    yield Case("gif/frame far outside", start(1, 1) + picture(at=(65_000, 65_000)) + END, TOO_MANY_PIXELS)
    yield Case("gif/huge second frame", start(1, 1) + picture() + picture(60_000, 60_000) + END, GROWS)
    yield Case("gif/no canvas", start(0, 0) + picture() + END, SCORED)
    yield Case("gif/no frame size", start(4, 4) + picture(0, 0) + END, UNREADABLE)
    yield Case(
        "gif/300 frames just above what may be composed", start(1001, 1000) + picture() * 300 + END, TOO_MANY_FRAMES
    )
    yield Case("gif/5,001 frames", start(1, 1) + picture() * 5001 + END, TOO_MANY_FRAMES)
    yield Case("gif/5,000 frames", start(1, 1) + picture() * 5000 + END, SCORED)
    yield Case("gif/a million frames", start(1, 1) + picture() * 1_000_000 + END, TOO_MANY_FRAMES)


def endings() -> Cases:
    yield Case("gif/loops for ever", start(4, 4) + LOOP + picture() * 3 + END, SCORED)
    yield Case("gif/no end", start(4, 4) + picture(), SCORED)
    yield Case("gif/no frame", start(4, 4) + END, UNREADABLE)
    yield Case("gif/only its name", b"GIF89a", UNREADABLE)
    yield Case("gif/ends in a block", start(4, 4) + picture(4, 4, data=b"\x02\xff\x44"), TRUNCATED)
    yield Case("gif/comment without end", start(4, 4) + b"!\xfe" + b"\xff" * 300_000, UNREADABLE)
    yield Case("gif/comment of a megabyte", start(1, 1) + comment(blocks(b"a" * 1_000_000)) + picture() + END, SCORED)
    yield Case("gif/comment of 200,000 letters", start(1, 1) + comment(b"\1a" * 200_000) + picture() + END, SCORED)
    yield Case(
        "gif/200,000 bytes between the frames", start(1, 1) + picture() + bytes(200_000) + picture() + END, SCORED
    )
    yield Case("gif/unknown extension", start(1, 1) + b"!\x42\3abc\0" + picture() + END, SCORED)
    yield Case("gif/control block of no length", start(1, 1) + b"!\xf9\0" + picture() + END, UNREADABLE)
    yield Case(
        "gif/transparent colour that is not there", start(1, 1) + b"!\xf9\4\1\0\0\xff\0" + picture() + END, SCORED
    )


def codes() -> Cases:
    for width in (0, 1, 9, 12, 13, 255):
        data = bytes((width,)) + blocks(b"\x44\x01" * 20) + b"\0"
        yield Case(
            f"gif/codes of {width} bits",
            start(4, 4) + picture(4, 4, data=data) + END,
            SCORED if width < 12 else UNREADABLE,
        )
    random_codes = b"\x08" + blocks(bytes(range(256)) * 8) + b"\0"
    yield Case("gif/codes that lead nowhere", start(64, 48) + picture(64, 48, data=random_codes) + END, UNREADABLE)
    yield Case("gif/no colours", start(4, 4, flags=0) + picture() + END, SCORED)
    yield Case("gif/interlaced", start(4, 4) + picture(4, 4, data=PIXEL, flags=0x40) + END, TRUNCATED)
    yield Case("gif/own colours that end early", start(4, 4) + picture(4, 4, data=b"", flags=0x87), UNREADABLE)
    yield Case("gif/too few pixels", start(64, 48) + picture(64, 48) + END, TRUNCATED)


def cases() -> Cases:
    yield from sizes()
    yield from endings()
    yield from codes()
