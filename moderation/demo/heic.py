"""HEIC files: HEVC pictures in boxes of ISO/IEC 23008-12."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from PIL import Image

from moderation.demo.hevc import PROFILE, CodedPicture, coded

BRAND = b"heic"
#: Primaries, transfer and matrix of ITU-T H.273: BT.709, sRGB, BT.601; in the full range.
SRGB = (1, 13, 6)


@dataclass
class Item:
    """One item of a file.

    Attributes:
        properties: boxes that describe it.
        references: kind of reference -> the numbers of other items, counted from 1.
        hidden: whether it is no picture of its own, as the tiles of a grid.
    """

    kind: bytes
    content: bytes
    properties: list[bytes] = field(default_factory=list)
    references: dict[bytes, list[int]] = field(default_factory=dict)
    hidden: bool = False


def box(name: bytes, *content: bytes) -> bytes:
    joined = b"".join(content)
    return struct.pack(">I", len(joined) + 8) + name + joined


def full_box(name: bytes, *content: bytes, version: int = 0, flags: int = 0) -> bytes:
    return box(name, struct.pack(">I", version << 24 | flags), *content)


def picture_item(picture: Image.Image, *, colours: tuple[int, int, int] = SRGB, turned: Sequence[bytes] = ()) -> Item:
    """Return a picture as an item, without an odd last row or column, which 4:2:0 does not have.

    ``turned`` are the boxes of ``rotation`` and ``mirror``, in the order in which they are applied.
    """
    picture = picture.crop((0, 0, picture.width // 2 * 2, picture.height // 2 * 2))
    made = coded(picture)
    colr = box(b"colr", b"nclx", struct.pack(">3HB", *colours, 0x80))
    content = b"".join(struct.pack(">I", len(each)) + each for each in made.slices)
    return Item(b"hvc1", content, [_configuration(made), size_property(*picture.size), colr, *turned])


def size_property(width: int, height: int) -> bytes:
    return full_box(b"ispe", struct.pack(">II", width, height))


def rotation(quarters: int) -> bytes:
    """A turn to the left by ``quarters`` of a full one."""
    return box(b"irot", bytes([quarters]))


def mirror(axis: int) -> bytes:
    """A mirroring: 0 exchanges top and bottom, 1 left and right."""
    return box(b"imir", bytes([axis]))


def heic(picture: Image.Image, *, turned: Sequence[bytes] = (), colours: tuple[int, int, int] = SRGB) -> bytes:
    """Return a file with one picture."""
    return file_of([picture_item(picture, turned=turned, colours=colours)])


def file_of(items: Sequence[Item], *, brand: bytes = BRAND, primary: int = 1) -> bytes:
    """Return a file of ``items``, which are numbered from 1."""
    start = box(b"ftyp", brand, bytes(4), b"mif1", brand)
    # Places are stated in the header, whose length they do not change.
    header = _header(items, primary=primary, offset=0)
    offset = len(start) + len(header) + 8
    return start + _header(items, primary=primary, offset=offset) + box(b"mdat", *(item.content for item in items))


def _header(items: Sequence[Item], *, primary: int, offset: int) -> bytes:
    numbered = list(enumerate(items, start=1))
    entries = [
        full_box(b"infe", struct.pack(">HH", number, 0), item.kind, b"\0", version=2, flags=int(item.hidden))
        for number, item in numbered
    ]
    places = b""
    for number, item in numbered:
        places += struct.pack(">HHHII", number, 0, 1, offset, len(item.content))
        offset += len(item.content)
    return full_box(
        b"meta",
        full_box(b"hdlr", bytes(4), b"pict", bytes(13)),
        full_box(b"pitm", struct.pack(">H", primary)),
        full_box(b"iloc", b"\x44\0", struct.pack(">H", len(items)), places),
        full_box(b"iinf", struct.pack(">H", len(items)), *entries),
        _properties(items),
        _references(items),
    )


def _properties(items: Sequence[Item]) -> bytes:
    """Return the boxes of all items, each once, and which item has which."""
    boxes = list(dict.fromkeys(each for item in items for each in item.properties))
    associations = b""
    for number, item in enumerate(items, start=1):
        places = bytes(0x80 | boxes.index(each) + 1 for each in item.properties)
        associations += struct.pack(">HB", number, len(places)) + places
    return box(b"iprp", box(b"ipco", *boxes), full_box(b"ipma", struct.pack(">I", len(items)), associations))


def _references(items: Sequence[Item]) -> bytes:
    boxes = [
        box(kind, struct.pack(f">HH{len(others)}H", number, len(others), *others))
        for number, item in enumerate(items, start=1)
        for kind, others in item.references.items()
    ]
    return full_box(b"iref", *boxes) if boxes else b""


def _configuration(picture: CodedPicture) -> bytes:
    arrays = b"".join(struct.pack(">BHH", 0x80 | unit[0] >> 1, 1, len(unit)) + unit for unit in picture.parameter_sets)
    formats = bytes([0xF0, 0, 0xFC, 0xFD, 0xF8, 0xF8, 0, 0, 0x0F, len(picture.parameter_sets)])
    return box(b"hvcC", b"\x01", PROFILE, formats, arrays)
