"""The chunks of a PNG file, as browsers interpret those that Pillow does not. Runs in the decode process."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from moderation.decoding.child import encodings
from moderation.decoding.child.encodings import SRGB_PRIMARIES, Encoding

SIGNATURE = b"\x89PNG\r\n\x1a\n"
ANIMATION = (b"acTL", b"fcTL", b"fdAT")
#: Bytes of a chunk besides its content: length and name before it, the checksum behind it.
_BEFORE, _BEHIND = 8, 4
#: The exponent that browsers use for the transfer functions of video in PNG files.
_VIDEO_GAMMA = 2.4
#: The gamma of files in sRGB, in 100,000ths, and how far programs round it. Alone, browsers take it for sRGB's curve.
_USUAL_GAMMA, _ROUNDING = 45_455, 500
_SEQUENCE_BYTES = 4


@dataclass(frozen=True, slots=True)
class PngChunk:
    """One chunk: the places in the file of all its bytes, and of those between its name and its checksum."""

    name: bytes
    whole: slice
    content: slice


@dataclass(frozen=True, slots=True)
class FrameControl:
    """One frame of an animation: its region, how it is drawn, and the places of its compressed pixels."""

    width: int
    height: int
    left: int
    top: int
    disposal: int
    blends: bool
    pixels: list[slice] = field(default_factory=list)

    @property
    def box(self) -> tuple[int, int, int, int]:
        return self.left, self.top, self.left + self.width, self.top + self.height


def chunks(file: bytes) -> Iterator[PngChunk]:
    """Yield the chunks that are complete, up to the end of the picture."""
    start = len(SIGNATURE)
    while start + _BEFORE <= len(file):
        length, name = struct.unpack_from(">I4s", file, start)
        end = start + _BEFORE + length
        if end + _BEHIND > len(file):
            return
        yield PngChunk(name, slice(start, end + _BEHIND), slice(start + _BEFORE, end))
        if name == b"IEND":
            return
        start = end + _BEHIND


def chunk(name: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def encoding_of(leading: dict[bytes, bytes]) -> tuple[Encoding | None, bool]:
    """Return the encoding that the chunks before the pixels state, and whether it goes before an ICC profile."""
    if len(points := leading.get(b"cICP", b"")) == 4 and points[2] == 0:
        peak = _stated_peak(leading)
        stated = encodings.by_code_points(points[0], points[1], peak=peak, video_gamma=_VIDEO_GAMMA)
        if stated:
            return stated, True
    return (None if b"sRGB" in leading else _by_gamma(leading)), False


def frames_of(file: bytes, found: list[PngChunk]) -> list[FrameControl]:
    """Return the frames of an animation.

    Raises:
        SyntaxError: a chunk is too short, out of sequence or without pixels, or a frame lies outside of the picture.
    """
    size = struct.unpack_from(">II", file, found[0].content.start)
    frames, sequence = list[FrameControl](), 0
    for each in found:
        content = file[each.content] if each.name == b"fcTL" else b""
        if each.name == b"IDAT" and frames:
            frames[-1].pixels.append(each.content)
        if each.name in (b"fcTL", b"fdAT"):
            _check_sequence(file, each, expected=sequence)
            sequence += 1
        if each.name == b"fcTL":
            frames.append(_frame_control(content, size=size))
        if each.name == b"fdAT" and frames:
            frames[-1].pixels.append(slice(each.content.start + _SEQUENCE_BYTES, each.content.stop))
    if not all(frame.pixels for frame in frames):
        raise SyntaxError("a frame of the animation has no pixels")
    return frames


def _check_sequence(file: bytes, each: PngChunk, *, expected: int) -> None:
    if each.content.stop - each.content.start < _SEQUENCE_BYTES:
        raise SyntaxError("a chunk of the animation is too short")
    (number,) = struct.unpack_from(">I", file, each.content.start)
    if number != expected:
        raise SyntaxError(f"chunk {number} of the animation where {expected} was expected")


def _frame_control(content: bytes, *, size: tuple[int, int]) -> FrameControl:
    if len(content) != 26:
        raise SyntaxError(f"a frame's description of {len(content)} bytes; it has 26")
    _, width, height, left, top, _, _, disposal, blend = struct.unpack(">5I2H2B", content)
    if not (0 < width <= size[0] - left and 0 < height <= size[1] - top):
        raise SyntaxError(f"a frame of {width} x {height} at {left}, {top} in a picture of {size[0]} x {size[1]}")
    return FrameControl(width, height, left, top, disposal, bool(blend))


def _by_gamma(leading: dict[bytes, bytes]) -> Encoding | None:
    gamma, chromaticities = leading.get(b"gAMA", b""), leading.get(b"cHRM", b"")
    if len(gamma) != 4 or not (stated := int.from_bytes(gamma)):
        return None
    exponent = 100_000 / stated
    if len(chromaticities) != 32:
        return None if abs(stated - _USUAL_GAMMA) <= _ROUNDING else Encoding(SRGB_PRIMARIES, exponent)
    white, red, green, blue = ((x / 100_000, y / 100_000) for x, y in struct.iter_unpack(">2I", chromaticities))
    primaries = (white, red, green, blue)
    # Browsers ignore the gamma as well if there are no such colours.
    return Encoding(primaries, exponent) if encodings.are_primaries(primaries) else None


def _stated_peak(leading: dict[bytes, bytes]) -> float:
    """Return the luminance in cd/m2 of the brightest pixel, or of the display that the picture was made for; or 0."""
    if len(light := leading.get(b"cLLI", b"")) == 8 and (brightest := int.from_bytes(light[:4])):
        return brightest / 10_000
    display = leading.get(b"mDCV", b"")
    return int.from_bytes(display[16:20]) / 10_000 if len(display) == 24 else 0.0
