"""Odd BMP files: negative and huge sizes, endless run lengths, missing palettes."""

import struct

from tests.hostile.case import SCORED, TOO_MANY_PIXELS, TRUNCATED, UNREADABLE, Case, Cases


def bmp(
    width: int, height: int, *, bits: int = 24, compression: int = 0, colours: int = 0, data: bytes = bytes(64),
    offset: int | None = None, palette: bytes = b"", size: int = 40,
) -> bytes:  # fmt: skip
    start = 14 + 40 + len(palette) if offset is None else offset
    file = b"BM" + struct.pack("<IHHI", 14 + 40 + len(palette) + len(data), 0, 0, start)
    info = struct.pack("<IiiHHIIiiII", size, width, height, 1, bits, compression, len(data), 0, 0, colours, 0)
    return file + info + palette + data


GREYS = b"".join(bytes((value, value, value, 0)) for value in range(256))


def rle(data: bytes, *, width: int = 8, height: int = 8, bits: int = 8, compression: int = 1) -> bytes:
    return bmp(width, height, bits=bits, compression=compression, palette=GREYS[: 4 << bits], data=data)


def sizes() -> Cases:
    yield Case("bmp/just above the limit", bmp(7072, 7072), TOO_MANY_PIXELS)
    below = bmp(7071, 7071, bits=1, palette=GREYS[:8], data=bytes(7072 // 8 * 7071 + 7071 * 4))
    yield Case("bmp/just below the limit", below, SCORED, large=True)
    yield Case("bmp/bomb of 4 exapixels", bmp(2**31 - 1, 2**31 - 1), TOO_MANY_PIXELS)
    yield Case("bmp/upside down", bmp(4, -4), SCORED)
    yield Case("bmp/negative width", bmp(-4, 4), TOO_MANY_PIXELS)
    yield Case("bmp/both negative", bmp(-4, -4), TOO_MANY_PIXELS)
    yield Case("bmp/least height", bmp(4, -(2**31)), TOO_MANY_PIXELS)
    yield Case("bmp/no width", bmp(0, 4), UNREADABLE)
    yield Case("bmp/no height", bmp(4, 0), UNREADABLE)
    yield Case("bmp/pixels too few", bmp(400, 400), TRUNCATED)
    yield Case("bmp/pixels beyond the end", bmp(4, 4, offset=2**32 - 1), TRUNCATED)
    yield Case("bmp/pixels in the header", bmp(4, 4, offset=0), SCORED)


def coding() -> Cases:
    for bits in (0, 2, 3, 64, 65_535):
        yield Case(f"bmp/{bits} bits", bmp(4, 4, bits=bits), UNREADABLE)
    for bits in (1, 4, 8, 16, 24, 32):
        yield Case(f"bmp/{bits} bits", bmp(4, 4, bits=bits, palette=GREYS[: 4 << bits] if bits < 9 else b""), SCORED)
    for compression in (3, 4, 5, 6, 99):
        yield Case(f"bmp/compression {compression}", bmp(4, 4, compression=compression), UNREADABLE)
    yield Case("bmp/16 million colours", bmp(4, 4, bits=8, colours=16_000_000), UNREADABLE)
    yield Case("bmp/4 billion colours", bmp(4, 4, bits=8, colours=2**32 - 1), UNREADABLE)
    yield Case("bmp/no palette", bmp(4, 4, bits=8, offset=54), TRUNCATED)
    yield Case("bmp/header of 12 bytes", bmp(4, 4, size=12), UNREADABLE)
    yield Case("bmp/header of 124 bytes", bmp(4, 4, size=124), TRUNCATED)


def masks() -> Cases:
    for name, numbers in {
        "of ten bits": (0x3FF << 20, 0x3FF << 10, 0x3FF),
        "of one bit": (4, 2, 1),
        "of all bits": (2**32 - 1,) * 3,
        "with gaps": (0xF0F0F0F0, 0x0F0F0F0F, 0xAAAAAAAA),
    }.items():
        fields = struct.pack("<3I", *numbers)
        yield Case(f"bmp/masks {name}", bmp(4, 4, bits=32, compression=3, palette=fields), SCORED)
        yield Case(f"bmp/masks {name} in 16 bits", bmp(4, 4, bits=16, compression=3, palette=fields), SCORED)
    fields = struct.pack("<4I", 0xF, 0xF0, 0xF00, 0xF000)
    yield Case("bmp/masks with alpha", bmp(4, 4, bits=16, compression=6, palette=fields), SCORED)
    yield Case("bmp/masks with too few pixels", bmp(400, 4, bits=32, compression=6, palette=fields), UNREADABLE)
    yield Case("bmp/masks of the least height", bmp(4, -(2**31), bits=32, compression=6, palette=fields), UNREADABLE)


def runs() -> Cases:
    yield Case("bmp/runs", rle(b"\x08\1\0\0" * 8 + b"\0\1"), SCORED)
    yield Case("bmp/runs beyond the line", rle(b"\xff\1" * 8 + b"\0\1"), UNREADABLE)
    yield Case("bmp/runs without end", rle(b"\x08\1" * 8), UNREADABLE)
    yield Case("bmp/run of nothing", rle(b"\0\1"), UNREADABLE)
    yield Case("bmp/jump far outside", rle(b"\0\2\xff\xff" * 1000 + b"\0\1"), SCORED)
    yield Case("bmp/jump at the end", rle(b"\0\2"), UNREADABLE)
    yield Case("bmp/literal longer than the file", rle(b"\0\xff\1"), UNREADABLE)
    yield Case("bmp/4-bit runs", rle(b"\x08\x12\0\0" * 8 + b"\0\1", bits=4, compression=2), SCORED)
    yield Case("bmp/4-bit jump far outside", rle(b"\0\2\xff\xff" * 9, bits=4, compression=2), SCORED)
    yield Case("bmp/runs to 50 megapixels", rle(b"\xff\1" * 196_000, width=7000, height=7000), UNREADABLE)
    yield Case("bmp/jumps to 50 megapixels", rle(b"\0\2\xff\xff" * 1000, width=7000, height=7000), SCORED, large=True)


def cases() -> Cases:
    yield from sizes()
    yield from coding()
    yield from masks()
    yield from runs()
