"""Odd JPEG files: false headers, endless segments, thousands of scans, second pictures."""

import struct

from PIL import Image

from tests.hostile.case import (
    SCORED,
    TOO_MANY_PIXELS,
    TRUNCATED,
    UNREADABLE,
    Case,
    Cases,
)
from tests.hostile.seeds import encoded, noise

START, END = b"\xff\xd8", b"\xff\xd9"
SOF0, SOF1, SOF2, SOF3, SOF5, SOF9, DHT, SOS, DQT, DRI, COM, APP0, APP1, APP2 = (
    0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC9, 0xC4, 0xDA, 0xDB, 0xDD, 0xFE, 0xE0, 0xE1, 0xE2,
)  # fmt: skip


def segment(marker: int, data: bytes, *, length: int | None = None) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2 if length is None else length) + data


def honest(*, size: tuple[int, int] = (64, 48), mode: str = "RGB", **options: object) -> bytes:
    return encoded(noise(size=size, mode=mode), "JPEG", **options)


def after_start(*segments: bytes, picture: bytes = b"") -> bytes:
    return START + b"".join(segments) + (picture or honest())[2:]


def frame(width: int, height: int, *, marker: int = SOF0, bits: int = 8, samplings: tuple[int, ...] = (0x11,)) -> bytes:
    parts = b"".join(bytes((number, sampling, 0)) for number, sampling in enumerate(samplings, 1))
    return segment(marker, struct.pack(">BHHB", bits, height, width, len(samplings)) + parts)


def bare(sof: bytes, *, data: bytes = bytes(64), parts: int = 1, tables: bool = True) -> bytes:
    """Return the smallest JPEG file around a frame header: flat tables, one scan of ``data``."""
    table = segment(DQT, b"\0" + b"\1" * 64)
    codes = b"".join(segment(DHT, bytes((kind, 1)) + bytes(15) + b"\0") for kind in (0x00, 0x10)) if tables else b""
    scan = segment(SOS, bytes((parts,)) + b"".join(bytes((n, 0)) for n in range(1, parts + 1)) + b"\0\x3f\0")
    return START + table + sof + codes + scan + data + END


def exif(body: bytes) -> bytes:
    return segment(APP1, b"Exif\0\0" + body)


def orientation(value: int, *, kind: int = 3, count: int = 1) -> bytes:
    return exif(b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHII", 0x112, kind, count, value) + bytes(4))


def profile(number: int, of: int, data: bytes) -> bytes:
    return segment(APP2, b"ICC_PROFILE\0" + bytes((number, of)) + data)


def scans(count: int, *, size: tuple[int, int]) -> bytes:
    """Return a progressive file whose last scan is repeated ``count`` times."""
    picture = encoded(Image.new("L", size, 128), "JPEG", progressive=True)
    last = picture.rindex(b"\xff\xda")
    return picture[:last] + picture[last:-2] * count + END


def resized(content: bytes, *, width: int, height: int) -> bytes:
    """Return the file with another size in its frame header."""
    at = next(content.index(bytes((0xFF, marker))) for marker in (SOF0, SOF2) if bytes((0xFF, marker)) in content)
    return content[: at + 5] + struct.pack(">HH", height, width) + content[at + 9 :]


def sizes() -> Cases:
    grey = encoded(Image.new("L", (7071, 7071), 99), "JPEG")
    yield Case("jpeg/just below the limit", grey, SCORED, large=True)
    yield Case("jpeg/just above the limit", resized(honest(), width=7072, height=7072), TOO_MANY_PIXELS)
    yield Case("jpeg/bomb of 4.3 gigapixels", resized(honest(), width=65_535, height=65_535), TOO_MANY_PIXELS)
    yield Case("jpeg/bomb in one line", resized(honest(), width=65_535, height=1), UNREADABLE)
    yield Case("jpeg/states more lines", resized(honest(), width=64, height=4800), SCORED)
    yield Case("jpeg/states fewer lines", resized(honest(), width=64, height=8), SCORED)
    yield Case("jpeg/no height", resized(honest(), width=64, height=0), UNREADABLE)
    yield Case("jpeg/no width", resized(honest(), width=0, height=48), UNREADABLE)
    yield Case("jpeg/two frame headers", after_start(frame(7000, 7000)), UNREADABLE)


def coding() -> Cases:
    for mode in ("L", "CMYK"):
        yield Case(f"jpeg/{mode}", honest(mode=mode), SCORED)
        yield Case(f"jpeg/{mode} progressive", honest(mode=mode, progressive=True), SCORED)
    yield Case("jpeg/3,000 scans", scans(3000, size=(64, 48)), SCORED)
    yield Case("jpeg/arithmetic coding", bare(frame(64, 48, marker=SOF9), tables=False), SCORED)
    yield Case("jpeg/flat", bare(frame(64, 48)), SCORED)
    yield Case("jpeg/12 bits", bare(frame(64, 48, marker=SOF1, bits=12)), UNREADABLE)
    yield Case("jpeg/lossless", bare(frame(64, 48, marker=SOF3)), UNREADABLE)
    yield Case("jpeg/hierarchical", bare(frame(64, 48, marker=SOF5)), UNREADABLE)
    yield Case("jpeg/two parts", bare(frame(64, 48, samplings=(0x11, 0x11)), parts=2), UNREADABLE)
    yield Case("jpeg/ten parts", bare(frame(64, 48, samplings=(0x11,) * 10), parts=4), UNREADABLE)
    yield Case("jpeg/no parts", bare(frame(64, 48, samplings=())), UNREADABLE)
    yield Case("jpeg/sampling of 4 x 4", bare(frame(64, 48, samplings=(0x44, 0x11, 0x11)), parts=3), UNREADABLE)
    yield Case("jpeg/sampling of 15 x 0", bare(frame(64, 48, samplings=(0xF0, 0x11, 0x11)), parts=3), UNREADABLE)
    yield Case("jpeg/no quantisation table", honest().replace(b"\xff\xdb", b"\xff\xef"), UNREADABLE)
    yield Case("jpeg/no code table", honest().replace(b"\xff\xc4", b"\xff\xef"), SCORED)
    yield Case("jpeg/code table of all ones", after_start(segment(DHT, b"\0" + b"\xff" * 200)), UNREADABLE)
    yield Case("jpeg/restarts that never come", after_start(segment(DRI, b"\0\1")), SCORED)


def segments() -> Cases:
    yield Case("jpeg/no end", honest()[:-2], TRUNCATED)
    yield Case("jpeg/only its start", START + b"\xff", UNREADABLE)
    yield Case("jpeg/start and end", START + END, UNREADABLE)
    yield Case("jpeg/100,000 bytes of filling", after_start(b"\xff" * 100_000), SCORED)
    yield Case("jpeg/length of a segment too short", after_start(segment(COM, b"", length=0)), SCORED)
    yield Case("jpeg/length of a segment too long", after_start(segment(COM, b"", length=65_535)), TRUNCATED)
    yield Case("jpeg/10,000 segments", after_start(segment(0xEF, b"?") * 10_000), SCORED)
    yield Case("jpeg/5,000 exif blocks", after_start(exif(b"II*\0") * 5000), SCORED)
    yield Case("jpeg/giant exif", after_start(exif(b"II*\0\x08\0\0\0" + bytes(65_000)) * 50), SCORED)
    yield Case(
        "jpeg/giant xmp", after_start(segment(APP1, b"http://ns.adobe.com/xap/1.0/\0" + b"<x>" * 21_000) * 150), SCORED
    )
    yield Case("jpeg/giant profile", after_start(*(profile(n, 255, bytes(65_000)) for n in range(1, 256))), SCORED)
    yield Case("jpeg/profile with a part missing", after_start(profile(1, 3, bytes(100))), SCORED)
    yield Case("jpeg/profile of part 0 of 0", after_start(profile(0, 0, bytes(100))), SCORED)
    yield Case("jpeg/two files in a row", honest() * 2, SCORED)
    yield Case("jpeg/a megabyte behind its end", honest() + bytes(1_000_000), SCORED)


def exifs() -> Cases:
    for value in (0, 9, 65_535):
        yield Case(f"jpeg/orientation {value}", after_start(orientation(value)), SCORED)
    yield Case("jpeg/orientation as text", after_start(orientation(0x36, kind=2)), SCORED)
    yield Case("jpeg/4 billion orientations", after_start(orientation(6, kind=4, count=2**32 - 1)), SCORED)
    yield Case("jpeg/exif that points at itself", after_start(exif(b"II*\0\x08\0\0\0\0\0\x08\0\0\0")), SCORED)
    yield Case("jpeg/exif of 65,535 entries", after_start(exif(b"II*\0\x08\0\0\0\xff\xff" + b"\1" * 5000)), SCORED)
    yield Case("jpeg/exif of another kind", after_start(exif(b"XX*\0\xff\xff\xff\xff")), SCORED)


def mpo(index: bytes) -> bytes:
    """Return a JPEG file with an index of pictures, followed by a second picture."""
    first, second = honest(), honest(size=(300, 200))
    return after_start(segment(APP2, b"MPF\0" + index), picture=first) + second


def index(*, count: int, entries: bytes, stated: int | None = None) -> bytes:
    """Return the index of ``count`` pictures, little-endian: version, count, entries of ``stated`` bytes."""
    tags = [(0xB000, 7, 4, b"0100"), (0xB001, 4, 1, struct.pack("<I", count))]
    tags += [(0xB002, 7, len(entries) if stated is None else stated, struct.pack("<I", 50))]
    body = b"".join(struct.pack("<HHI", tag, kind, number) + value for tag, kind, number, value in tags)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + body + bytes(4) + entries


def entry(offset: int, *, size: int = 1000) -> bytes:
    return struct.pack("<IIIHH", 0x020002, size, offset, 0, 0)


def second(count: int) -> int:
    """Return the offset of the second picture from the first byte of an index of ``count`` pictures."""
    return len(honest()) + 48 + 16 * count


def pictures() -> Cases:
    yield Case("mpo/second picture larger", mpo(index(count=2, entries=entry(0) + entry(second(2)))), SCORED)
    yield Case("mpo/second picture beyond the end", mpo(index(count=2, entries=entry(0) + entry(2**31))), TRUNCATED)
    yield Case("mpo/second picture is the first", mpo(index(count=2, entries=entry(0) * 2)), UNREADABLE)
    yield Case("mpo/second picture is no picture", mpo(index(count=2, entries=entry(0) + entry(50))), UNREADABLE)
    yield Case("mpo/states 4 billion pictures", mpo(index(count=2**32 - 1, entries=entry(0) * 2)), SCORED)
    yield Case("mpo/4,000 pictures", mpo(index(count=4000, entries=entry(second(4000)) * 4000)), SCORED)
    yield Case("mpo/broken index", mpo(b"II*\0\xff\xff\xff\xff"), SCORED)
    yield Case("mpo/entries of 4 gigabytes", mpo(index(count=2, entries=entry(0) * 2, stated=2**32 - 1)), SCORED)


def cases() -> Cases:
    for family in (sizes, coding, segments, exifs, pictures):
        yield from family()
