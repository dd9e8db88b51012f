"""The boxes of ISO media files, such as AVIF and HEIF (ISO/IEC 14496-12, 23008-12). Runs in the decode process."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from moderation.decoding.child import encodings
from moderation.decoding.child.encodings import Encoding

#: Boxes that hold other boxes -> bytes of their own before these.
_CONTAINERS = {
    b"meta": 4, b"iprp": 0, b"ipco": 0, b"moov": 0, b"trak": 0, b"mdia": 0, b"minf": 0, b"stbl": 0, b"stsd": 8,
    b"av01": 78, b"iref": 4,
}  # fmt: skip
#: Boxes of one file that are read.
_MOST_BOXES = 10_000
#: ISO/IEC 14496-12: this length means that eight bytes with the length follow.
_LONG = 1


@dataclass(frozen=True, slots=True)
class Box:
    """A box of an ISO media file: the names of the boxes around it and its own, and the place of its content."""

    path: tuple[bytes, ...]
    start: int
    end: int

    @property
    def name(self) -> bytes:
        return self.path[-1]


def read_boxes(file: bytes) -> Iterator[Box]:
    """Yield the boxes in the order of the file, those of a container behind it; broken ones are left out."""
    waiting = [Box((), 0, len(file))]
    for _ in range(_MOST_BOXES):
        if not waiting:
            return
        around = waiting.pop()
        if around.start + 8 > around.end:
            continue
        length, name = struct.unpack_from(">I4s", file, around.start)
        header = 8
        if length == _LONG and around.start + 16 <= around.end:
            (length,) = struct.unpack_from(">Q", file, around.start + 8)
            header = 16
        end = around.end if length == 0 else around.start + length
        if length and not header <= length <= around.end - around.start:
            continue
        box = Box((*around.path, name), around.start + header, end)
        waiting.append(Box(around.path, end, around.end))
        yield box
        if name in _CONTAINERS:
            waiting.append(Box(box.path, box.start + _CONTAINERS[name], end))


def primary_properties(file: bytes, boxes: list[Box]) -> list[Box]:
    """Return the property boxes of the primary picture, in the order in which they are applied."""
    properties = [box for box in boxes if box.path[:-1] == (b"meta", b"iprp", b"ipco")]
    items = [file[box.start : box.end] for box in boxes if box.path == (b"meta", b"pitm")]
    tables = [file[box.start : box.end] for box in boxes if box.path == (b"meta", b"iprp", b"ipma")]
    try:
        primary = _primary_number(items[0])
        places = [place for table in tables for item, place in _associations(table) if item == primary]
    except (struct.error, IndexError):
        return []
    return [properties[place - 1] for place in places if 0 < place <= len(properties)]


def _primary_number(content: bytes) -> int:
    number: int = struct.unpack_from(">H" if content[0] == 0 else ">I", content, 4)[0]
    return number


def _associations(content: bytes) -> Iterator[tuple[int, int]]:
    """Yield (item, place of one of its properties, counted from 1)."""
    version, flags, count = content[0], content[3], struct.unpack_from(">I", content, 4)[0]
    at, number, place = 8, ">I" if version else ">H", ">H" if flags & 1 else ">B"
    for _ in range(min(count, len(content))):
        (item,) = struct.unpack_from(number, content, at)
        at += struct.calcsize(number)
        properties = content[at]
        at += 1
        for _ in range(properties):
            (found,) = struct.unpack_from(place, content, at)
            at += struct.calcsize(place)
            yield item, found & (0x7FFF if flags & 1 else 0x7F)  # the highest bit says whether it is essential


def stated_encoding(boxes: list[Box], file: bytes) -> Encoding | None:
    """Return the encoding of colours that the property boxes of a picture state as code points."""
    contents = [(box.name, file[box.start : box.end]) for box in boxes]
    colours = next((content for name, content in contents if name == b"colr" and content[:4] == b"nclx"), b"")
    if len(colours) < 8:
        return None
    primaries, transfer = struct.unpack_from(">HH", colours, 4)
    light = next((content for name, content in contents if name == b"clli" and len(content) >= 2), b"\0\0")
    return encodings.by_code_points(primaries, transfer, peak=float(int.from_bytes(light[:2])))
