"""Odd PNG files: false sizes, checksums that do not match, text that inflates, animations."""

import struct
import zlib
from collections.abc import Iterable

from tests.hostile.case import (
    SCORED,
    TOO_MANY_FRAMES,
    TOO_MANY_PIXELS,
    TRUNCATED,
    UNREADABLE,
    Case,
    Cases,
)
from tests.hostile.seeds import encoded, noise

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, RGB, PALETTE, RGBA = 0, 2, 3, 6
SAMPLES = {GREY: 1, RGB: 3, PALETTE: 1, 4: 2, RGBA: 4}
FIFTY_MILLION = zlib.compress(b"\0" * 50_000_000)


def chunk(name: bytes, data: bytes = b"", *, crc: int | None = None, length: int | None = None) -> bytes:
    checksum = zlib.crc32(name + data) if crc is None else crc
    return struct.pack(">I", len(data) if length is None else length) + name + data + struct.pack(">I", checksum)


def header(width: int, height: int, *, depth: int = 8, colour: int = RGB, interlaced: int = 0) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced))


def rows(width: int, height: int, *, depth: int = 8, colour: int = RGB) -> bytes:
    """Return compressed black pixels."""
    line = 1 + (width * depth * SAMPLES[colour] + 7) // 8
    return zlib.compress(bytes(line * height), 1)


def png(*chunks: bytes, width: int = 4, height: int = 4, depth: int = 8, colour: int = RGB, idat: bytes = b"") -> bytes:
    """Return a black picture with ``chunks`` between the header and the pixels."""
    data = idat or rows(width, height, depth=depth, colour=colour)
    first = SIGNATURE + header(width, height, depth=depth, colour=colour)
    return first + b"".join(chunks) + chunk(b"IDAT", data) + chunk(b"IEND")


def text_bombs() -> Iterable[tuple[str, bytes]]:
    yield "zTXt", chunk(b"zTXt", b"a\0\0" + FIFTY_MILLION)
    yield "iTXt", chunk(b"iTXt", b"a\0\1\0\0\0" + FIFTY_MILLION)
    yield "iCCP", chunk(b"iCCP", b"a\0\0" + FIFTY_MILLION)


def apng(*, stated: int = 2, size: tuple[int, int] = (4, 4), at: tuple[int, int] = (0, 0), gap: int = 0) -> bytes:
    """Return an animation of two frames, the second of ``size`` at the position ``at``."""
    control = [struct.pack(">IIIIIHHBB", 0, 4, 4, 0, 0, 1, 10, 0, 0)]
    control += [struct.pack(">IIIIIHHBB", 1, *size, *at, 1, 10, 0, 0)]
    data = struct.pack(">I", 2 + gap) + rows(min(size[0], 64), min(size[1], 64))
    start = SIGNATURE + header(4, 4) + chunk(b"acTL", struct.pack(">II", stated, 0))
    frames = chunk(b"fcTL", control[0]) + chunk(b"IDAT", rows(4, 4)) + chunk(b"fcTL", control[1]) + chunk(b"fdAT", data)
    return start + frames + chunk(b"IEND")


def animation(count: int, *, side: int) -> bytes:
    """Return an animation of ``count`` frames on a canvas of ``side`` x ``side``; all but the first have one pixel."""
    start = SIGNATURE + header(side, side, depth=1, colour=GREY) + chunk(b"acTL", struct.pack(">II", count, 0))
    whole = struct.pack(">IIIIIHHBB", 0, side, side, 0, 0, 1, 10, 0, 0)
    start += chunk(b"fcTL", whole) + chunk(b"IDAT", rows(side, side, depth=1, colour=GREY))
    for number in range(1, count):
        start += chunk(b"fcTL", struct.pack(">IIIIIHHBB", 2 * number - 1, 1, 1, 0, 0, 1, 10, 0, 0))
        start += chunk(b"fdAT", struct.pack(">I", 2 * number) + rows(1, 1, depth=1, colour=GREY))
    return start + chunk(b"IEND")


def sizes() -> Cases:
    huge = header(60_000, 60_000) + chunk(b"IDAT", rows(10, 10)) + chunk(b"IEND")
    yield Case("png/bomb of 3.6 gigapixels", SIGNATURE + huge, TOO_MANY_PIXELS)
    yield Case("png/just above the limit", png(width=7072, height=7072, depth=1, colour=GREY), TOO_MANY_PIXELS)
    yield Case("png/just below the limit", png(width=7071, height=7071, depth=1, colour=GREY), SCORED)
    yield Case("png/one line of 50 million", png(width=50_000_000, height=1, depth=1, colour=GREY), SCORED)
    yield Case("png/one line too long", png(width=50_000_001, height=1, depth=1, colour=GREY), TOO_MANY_PIXELS)
    yield Case("png/no width", png(width=0, height=4, idat=rows(4, 4)), UNREADABLE)
    yield Case("png/negative", png(width=2**32 - 4, height=2**32 - 4, idat=rows(4, 4)), TOO_MANY_PIXELS)
    yield Case("png/two headers", png(header(60_000, 60_000)), TOO_MANY_PIXELS)
    yield Case("png/pixels too few", png(width=40, height=40, idat=rows(40, 20)), SCORED)
    yield Case("png/pixels too many", png(width=4, height=4, idat=rows(400, 400)), SCORED)
    yield Case("png/pixels inflate to 50 MB more", png(idat=FIFTY_MILLION), SCORED)


def wrong_chunks() -> Cases:
    start, end = SIGNATURE + header(4, 4), chunk(b"IEND")
    pixels = chunk(b"IDAT", rows(4, 4))
    yield Case("png/wrong checksum of the header", SIGNATURE + header(4, 4)[:-1] + b"?" + pixels + end, UNREADABLE)
    yield Case("png/wrong checksum of the pixels", start + chunk(b"IDAT", rows(4, 4), crc=1) + end, SCORED)
    yield Case("png/wrong checksum of a text", png(chunk(b"tEXt", b"a\0b", crc=1)), UNREADABLE)
    yield Case("png/no pixels", start + end, UNREADABLE)
    yield Case("png/no end", start + pixels, SCORED)
    yield Case("png/no header", SIGNATURE + pixels + end, UNREADABLE)
    yield Case("png/length of 4 gigabytes", start + chunk(b"IDAT", rows(4, 4), length=2**32 - 1), SCORED)
    yield Case("png/length of 2 gigabytes", png(chunk(b"tEXt", b"a\0b", length=2**31 - 1)), TRUNCATED)
    yield Case("png/not zlib", png(idat=b"not zlib"), UNREADABLE)
    yield Case("png/palette missing", png(colour=PALETTE), UNREADABLE)
    yield Case("png/palette too short", png(chunk(b"PLTE", b"\1\2\3"), colour=PALETTE), SCORED)
    yield Case("png/palette of no whole colours", png(chunk(b"PLTE", b"\1\2\3\4"), colour=PALETTE), SCORED)
    yield Case("png/17 bits", png(depth=17, idat=rows(4, 4)), UNREADABLE)
    yield Case("png/colour type 99", png(colour=99, idat=rows(4, 4)), UNREADABLE)
    yield Case("png/unknown chunk of a megabyte", png(chunk(b"junk", bytes(1_000_000))), SCORED)
    yield Case("png/unknown critical chunk", png(chunk(b"JUNK", b"?")), SCORED)
    yield Case("png/broken exif", png(chunk(b"eXIf", b"II*\0\xff\xff\xff\xff")), SCORED)


def texts() -> Cases:
    for name, bomb in text_bombs():
        yield Case(f"png/{name} bomb", png(bomb), UNREADABLE)
        yield Case(f"png/{name} bomb behind the pixels", png()[:-12] + bomb + chunk(b"IEND"), UNREADABLE)
    yield Case("png/100,000 texts", png(chunk(b"tEXt", b"a\0b") * 100_000), SCORED)
    yield Case(
        "png/100 texts of a megabyte", png(chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(10**6))) * 100), UNREADABLE
    )
    yield Case("png/giant exif", png(chunk(b"eXIf", b"II*\0\x08\0\0\0" + bytes(5_000_000))), SCORED)
    yield Case("png/giant profile", png(chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(900_000)))), SCORED)
    yield Case("png/giant xmp", png(chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + b"<x>" * 1_000_000)), SCORED)


def kinds() -> Cases:
    for colour, depths in {GREY: (1, 2, 4, 8, 16), RGB: (8, 16), 4: (8, 16), RGBA: (8, 16)}.items():
        for depth in depths:
            yield Case(f"png/colour type {colour} in {depth} bits", png(depth=depth, colour=colour), SCORED)
    interlaced = SIGNATURE + header(1, 1, interlaced=1) + chunk(b"IDAT", rows(1, 1)) + chunk(b"IEND")
    yield Case("png/interlaced", interlaced, SCORED)
    yield Case("png/transparent palette", encoded(noise(mode="P"), "PNG", transparency=b"\0" * 256), SCORED)


def animations() -> Cases:
    yield Case("apng/two frames", apng(), SCORED)
    yield Case("apng/states 2 million frames", apng(stated=2_000_000), TOO_MANY_FRAMES)
    yield Case("apng/states no frames", apng(stated=0), SCORED)
    yield Case("apng/states a frame too many", apng(stated=3), SCORED)
    doubled = apng().replace(chunk(b"acTL", struct.pack(">II", 2, 0)), chunk(b"acTL", struct.pack(">II", 2, 0)) * 2)
    yield Case("apng/states its frames twice", doubled, SCORED)
    yield Case("apng/does not state its frames", apng().replace(chunk(b"acTL", struct.pack(">II", 2, 0)), b""), SCORED)
    yield Case("apng/frame without pixels", apng().replace(b"fdAT", b"fdAt"), UNREADABLE)
    yield Case("apng/frame of no size", apng(size=(0, 4)), UNREADABLE)
    yield Case("apng/frame far outside", apng(at=(2**32 - 1, 0)), UNREADABLE)
    yield Case("apng/no header", SIGNATURE + apng()[33:], UNREADABLE)
    yield Case("apng/frame outside", apng(at=(3, 3)), UNREADABLE)
    yield Case("apng/frame of 3.6 gigapixels", apng(size=(60_000, 60_000)), UNREADABLE)
    yield Case("apng/gap in the sequence", apng(gap=5), UNREADABLE)
    yield Case("apng/just above what may be composed", animation(301, side=1000), TOO_MANY_FRAMES)
    yield Case("apng/5,001 frames", animation(5001, side=1), TOO_MANY_FRAMES)
    yield Case("apng/5,000 frames", animation(5000, side=1), SCORED)


def colours() -> Cases:
    for name, content in {
        "gamma of nothing": chunk(b"gAMA", bytes(4)),
        "greatest gamma": chunk(b"gAMA", b"\xff" * 4),
        "least gamma": chunk(b"gAMA", b"\0\0\0\1"),
        "chromaticities of nothing": chunk(b"gAMA", b"\0\1\0\0") + chunk(b"cHRM", bytes(32)),
        "chromaticities on one point": chunk(b"gAMA", b"\0\1\0\0") + chunk(b"cHRM", b"\0\0\x75\x30" * 8),
        "greatest chromaticities": chunk(b"gAMA", b"\0\1\0\0") + chunk(b"cHRM", b"\xff" * 32),
        "unknown code points": chunk(b"cICP", b"\xff" * 4),
        "code points with a matrix": chunk(b"cICP", bytes((12, 13, 1, 1))),
        "code points of one byte": chunk(b"cICP", b"\1"),
        "greatest light": chunk(b"cICP", bytes((9, 16, 0, 1))) + chunk(b"cLLI", b"\xff" * 8),
        "display of nothing": chunk(b"cICP", bytes((9, 16, 0, 1))) + chunk(b"mDCV", bytes(24)),
        "orientation in a loop": chunk(b"eXIf", b"II*\0\0\0\0\0" + b"\xff" * 64),
        "orientation behind the end": chunk(b"eXIf", b"MM\0*\xff\xff\xff\xff"),
    }.items():
        yield Case(f"png/{name}", png(content), SCORED)


def cuts() -> Cases:
    whole = png(chunk(b"gAMA", b"\0\1\0\0"), width=40, height=40)
    yield Case("png/cut in its end", whole[:-4], SCORED)
    yield Case("png/cut in a text behind the pixels", whole[:-12] + chunk(b"tEXt", b"a\0" + bytes(99))[:50], SCORED)
    yield Case("png/a second chunk of pixels cut", whole[:-12] + chunk(b"IDAT", bytes(99))[:50], SCORED)
    half = zlib.compress(bytes(4_000_000))
    big = png(width=1000, height=1000, idat=half[:1000])
    yield Case("png/pixels cut between two chunks", big[:-12] + chunk(b"IDAT", half[1000:])[:50], TRUNCATED)


def cases() -> Cases:
    yield from colours()
    yield from cuts()
    yield from sizes()
    yield from wrong_chunks()
    yield from texts()
    yield from kinds()
    yield from animations()
