"""HEIC and HEIF files, decoded by libheif through pi-heif. Runs in the decode process.

The primary picture is frame 0 and the other pictures of the file follow it, as pages. libheif turns a picture by its
``irot`` and ``imir``; here it is turned back, so that its orientation is read and applied as that of other formats is.
An EXIF orientation is ignored, as Apple's programs and browsers ignore it.
"""

import io
from dataclasses import dataclass
from typing import Any

import pi_heif
from PIL import Image, ImageFile

from moderation.decoding.child import orientation
from moderation.decoding.child.media_boxes import Box, primary_properties, read_boxes, stated_encoding

# Threads would reserve address space, which is limited.
pi_heif.options.DECODE_THREADS = 0

_THUMBNAILS = (b"meta", b"iref", b"thmb")
_PRIMARY = (b"meta", b"pitm")


@dataclass(frozen=True, slots=True)
class _Entry:
    """What a file states about one of its pictures; ``place`` is its index in pi-heif's order."""

    place: int
    size: tuple[int, int]
    mode: str
    info: dict[str | tuple[int, int], Any]


class HeifFile(ImageFile.ImageFile):
    """A HEIF file. ``encoding`` is that of its primary picture."""

    format = "HEIF"
    format_description = "HEIF"

    _frame = 0
    _is_loaded = False

    def _open(self) -> None:
        assert self.fp is not None
        self._file = self.fp.read()
        self._boxes = list(read_boxes(self._file))
        properties = primary_properties(self._file, self._boxes)
        self._turn = _orientation(properties, self._file)
        self._entries = _entries(self._file)
        self.n_frames = len(self._entries)
        self.encoding = stated_encoding(properties, self._file)
        self._show(0)

    @property
    def container_orientation(self) -> int:
        """The orientation of the current picture, 1 to 8 as in EXIF; libheif has turned all but the primary one."""
        return self._turn if self._frame == 0 else 1

    @property
    def has_unread_frames(self) -> bool:
        """Whether the file has an image sequence, of which only the pictures beside it are read."""
        return any(box.name == b"moov" for box in self._boxes)

    def tell(self) -> int:
        return self._frame

    def seek(self, frame: int) -> None:
        if not 0 <= frame < self.n_frames:
            raise EOFError("attempt to seek outside sequence")
        if frame != self._frame:
            self._show(frame)

    def load(self) -> Any:
        """Decode the current picture, once."""
        if not self._is_loaded:
            # The file is opened anew, because pi-heif keeps the pixels of the pictures that it decoded.
            picture = _decoded(self._file, place=self._entries[self._frame].place)
            picture = orientation.turned_back(picture, orientation=self.container_orientation)
            Image._decompression_bomb_check(picture.size)  # the coded size may differ from the stated one
            self.im, self._mode, self._size = picture.im, picture.mode, picture.size
            self._is_loaded = True
        return Image.Image.load(self)

    def thumbnail_picture(self) -> Image.Image | None:
        """Return the first thumbnail of the file, upright; None if there is none."""
        if not (changed := _with_thumbnail_first(self._file, self._boxes)):
            return None
        return _decoded(changed, place=_entries(changed)[0].place)

    def _show(self, frame: int) -> None:
        self._frame, self._is_loaded, entry = frame, False, self._entries[frame]
        is_sideways = orientation.is_sideways(self.container_orientation)
        self._size = entry.size[::-1] if is_sideways else entry.size
        self._mode, self.info, self.tile = entry.mode, {**entry.info}, []


def _entries(file: bytes) -> list[_Entry]:
    """Return the pictures of a file, the primary one first."""
    opened = pi_heif.open_heif(io.BytesIO(file))
    entries = [_Entry(place, each.size, _mode(each.mode), each.info) for place, each in enumerate(opened)]
    return [entries[opened.primary_index], *(each for each in entries if each.place != opened.primary_index)]


def _decoded(file: bytes, *, place: int) -> Image.Image:
    picture = pi_heif.open_heif(io.BytesIO(file), remove_stride=False)[place]
    data = picture.data  # sets the size that was decoded
    return Image.frombytes(_mode(picture.mode), picture.size, data, "raw", picture.mode, picture.stride)


def _mode(found: str) -> str:
    """Return Pillow's mode for one of pi-heif's, which has several names for 16-bit grey."""
    return "I;16" if found in ("I;16L", "L;16") else found


def _orientation(properties: list[Box], file: bytes) -> int:
    """Return the orientation, as in EXIF, that turns a picture as ``irot`` and ``imir`` do one after the other."""
    sample = shown = Image.frombytes("L", (2, 2), bytes(range(4)))
    for box in properties:
        value = file[box.start] if box.start < box.end else 0
        if box.name == b"irot":
            shown = shown.rotate(90 * (value & 3))
        elif box.name == b"imir":
            flip = Image.Transpose.FLIP_LEFT_RIGHT if value & 1 else Image.Transpose.FLIP_TOP_BOTTOM
            shown = shown.transpose(flip)
    turns = {orientation.turned(sample, orientation=number).tobytes(): number for number in range(1, 9)}
    return turns[shown.tobytes()]


def _with_thumbnail_first(file: bytes, boxes: list[Box]) -> bytes:
    """Return the file with its first thumbnail as the primary picture; empty if it has none.

    pi-heif tells the sizes of thumbnails and does not decode them.
    """
    thumbnails = [box for box in boxes if box.path == _THUMBNAILS]
    primary = next((box for box in boxes if box.path == _PRIMARY), None)
    if not thumbnails or primary is None:
        return b""
    changed = bytearray(file)
    for box in thumbnails:
        changed[box.start - 4 : box.start] = b"free"
    number = thumbnails[0].start
    changed[primary.end - 2 : primary.end] = file[number : number + 2]
    return bytes(changed)
