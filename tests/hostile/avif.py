"""Odd AVIF files: boxes with false lengths, sizes that disagree, brands of other formats."""

import struct

from tests.hostile.case import (
    FORMAT_NOT_ALLOWED,
    SCORED,
    TOO_MANY_PIXELS,
    UNREADABLE,
    Case,
    Cases,
)
from tests.hostile.seeds import animated, encoded, noise


def honest() -> bytes:
    return encoded(noise(), "AVIF", speed=10)


def box(name: bytes, data: bytes, *, length: int | None = None) -> bytes:
    return struct.pack(">I", len(data) + 8 if length is None else length) + name + data


def stating(content: bytes, width: int, height: int) -> bytes:
    """Return a file whose size property differs from the size of the coded picture."""
    at = content.index(b"ispe") + 8
    return content[:at] + struct.pack(">II", width, height) + content[at + 8 :]


def with_length(content: bytes, name: bytes, length: int) -> bytes:
    at = content.index(name) - 4
    return content[:at] + struct.pack(">I", length) + content[at + 4 :]


def brand(*brands: bytes) -> bytes:
    return box(b"ftyp", brands[0] + bytes(4) + b"".join(brands[1:]))


def rest() -> bytes:
    content = honest()
    return content[int.from_bytes(content[:4], "big") :]


def with_colours(*numbers: int) -> bytes:
    content = honest()
    at = content.index(b"colrnclx") + 8
    return content[:at] + struct.pack(f">{len(numbers)}H", *numbers) + content[at + 2 * len(numbers) :]


def cases() -> Cases:
    yield Case("avif/in PQ", with_colours(9, 16), SCORED)
    yield Case("avif/unknown code points", with_colours(65_535, 65_535), SCORED)
    yield Case("avif/colours of 4 gigabytes", with_length(honest(), b"colr", 2**32 - 1), UNREADABLE)
    yield Case("avif/20,000 boxes", honest() + box(b"free", b"") * 20_000, SCORED)
    yield Case("avif/boxes in boxes behind its end", honest() + nested(1000), SCORED)
    yield Case("avif/just above the limit", stating(honest(), 7072, 7072), TOO_MANY_PIXELS)
    yield Case("avif/bomb of 4.3 gigapixels", stating(honest(), 65_535, 65_535), UNREADABLE)
    yield Case("avif/states more than it has", stating(honest(), 6400, 4800), SCORED)
    yield Case("avif/states less than it has", stating(honest(), 6, 4), SCORED)
    yield Case("avif/no width", stating(honest(), 0, 48), UNREADABLE)
    for name in (b"meta", b"mdat", b"iloc", b"ipco", b"iinf", b"av1C"):
        for length in (0, 1, 7, 2**31, 2**32 - 1):
            # Another box locates the pixels. A length of 0 means that a box reaches to the end of the file.
            ignored = name == b"mdat" or (name, length) == (b"meta", 0)
            yield Case(
                f"avif/{name.decode()} of {length} bytes",
                with_length(honest(), name, length),
                SCORED if ignored else UNREADABLE,
            )
    yield Case("avif/boxes in boxes", brand(b"avif") + nested(1000), UNREADABLE)
    yield Case("avif/only a brand", brand(b"avif"), UNREADABLE)
    yield Case("avif/brand of 4 gigabytes", box(b"ftyp", b"avif" + bytes(60), length=2**32 - 1), UNREADABLE)
    yield Case("avif/brand of HEIC", brand(b"heic", b"mif1", b"heic") + rest(), UNREADABLE)
    yield Case("avif/brand of HEIC and of AVIF", brand(b"heic", b"avif") + rest(), UNREADABLE)
    yield Case("avif/brand of a film", brand(b"mp42", b"isom") + rest(), FORMAT_NOT_ALLOWED)
    yield Case("avif/a megabyte behind its end", honest() + bytes(1_000_000), SCORED)
    yield Case("avif/sequence", animated("AVIF"), SCORED)
    yield Case("avif/giant exif", encoded(noise(), "AVIF", exif=b"II*\0\x08\0\0\0" + bytes(1_000_000)), SCORED)
    yield Case("avif/giant profile", encoded(noise(), "AVIF", icc_profile=bytes(1_000_000)), SCORED)


def nested(depth: int) -> bytes:
    inner = b""
    for _ in range(depth):
        inner = box(b"meta", bytes(4) + inner)
    return inner
