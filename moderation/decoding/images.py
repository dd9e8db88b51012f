"""Accepted image formats, limits of one file, and reasons for refusing one.

Nothing here decodes or imports Pillow, so a web process can recognise a format without it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from moderation.decoding import foreign_formats

#: Formats that may be opened, by Pillow's names. MPO is a JPEG file with several pictures; HEIF includes
#: HEIC, whose pictures are coded as HEVC.
ALLOWED_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "HEIF", "BMP", "TIFF", "MPO")

#: Number of bytes from the start of a file by which formats are recognised.
HEAD_BYTES = 512

_SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),  # BigTIFF
    (b"MM\0+", "TIFF"),
)
#: Brands that name the coding of a picture, and those of the container, which do not.
_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"), "HEIF"),
}
_HEIF_BRANDS = {b"mif1", b"msf1", b"mif2"}
#: Sizes of a BMP file's second header. Its first two letters alone would match too much text.
_BMP_HEADER_SIZES = (12, 40, 52, 56, 64, 108, 124)


class Reason(StrEnum):
    """Why a file was refused. The values are stored and counted: never change one."""

    FILE_MISSING = "file_missing"  # no file at the path
    FORMAT_NOT_ALLOWED = "format_not_allowed"  # the first bytes are not those of an accepted format
    TOO_LARGE = "too_large"  # more than ``max_bytes``
    TOO_MANY_PIXELS = "too_many_pixels"  # one picture has more than ``max_pixels``
    TOO_MANY_FRAMES = "too_many_frames"  # more than ``max_frames_counted``, or than ``max_pixels_composed``
    UNREADABLE = "unreadable"  # the decoder does not understand the bytes
    TRUNCATED = "truncated"  # the file ends too early
    OUT_OF_MEMORY = "out_of_memory"  # decoding needs more than ``address_space``
    TIMED_OUT = "timed_out"  # decoding needs more than ``seconds``
    DECODER_DIED = "decoder_died"  # two decode processes ended on this file


class ImageRefused(ValueError):
    """A file that cannot be read safely. ``detail`` is printable text: what was found and what is accepted."""

    def __init__(self, reason: Reason, detail: str) -> None:
        # Codecs quote bytes of the file. PostgreSQL stores no NUL byte and no half of a surrogate pair.
        self.detail = "".join(letter if letter.isprintable() else "\ufffd" for letter in detail)
        self.reason = reason
        super().__init__(f"{reason}: {self.detail}")


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """Limits on the resources that one file may use.

    Attributes:
        max_pixels: width times height of any picture in the file.
        max_bytes: size of the file.
        address_space: bytes of address space of the decode process (RLIMIT_AS).
        seconds: time for one file by the parent's clock.
        probe_seconds: time for the header alone; shorter, because the sender waits for the answer.
        max_frames_counted: frames or pages of a file. Some formats do not state the number, so the frames must be
            walked through: 5,000 pages of a TIFF file take about a second. 5,000 frames are 200 s at 25 frames a
            second, with 5 kB for each of them at ``max_bytes``.
        max_pixels_composed: width times height times frames of an animation. Decoding a late frame composes all
            frames before it, at 4 to 20 ms for a million pixels: 1 to 6 s at this limit. 600 frames of 800 x 600
            stay below it.
        formats: the accepted formats, a subset of ``ALLOWED_FORMATS``.
    """

    max_pixels: int = 50_000_000
    max_bytes: int = 25_000_000
    address_space: int = 1_500_000_000
    seconds: float = 10.0
    probe_seconds: float = 2.0
    max_frames_counted: int = 5_000
    max_pixels_composed: int = 300_000_000
    formats: tuple[str, ...] = ALLOWED_FORMATS


@dataclass(frozen=True, slots=True)
class Header:
    """Facts that a file states. Width and height are in pixels as stored, before the EXIF orientation is applied."""

    format: str
    width: int
    height: int
    frames: int


def sniff(head: bytes) -> str | None:
    """Return the format that the first ``HEAD_BYTES`` bytes of a file show, or None when it is not an allowed one.

    An MPO file is reported as JPEG; only its decoder knows that more pictures follow. A camera's raw file is not
    allowed, although it is a TIFF file: its first picture is a small copy of the photograph.
    """
    if foreign_formats.is_camera_raw(head):
        return None
    for signature, name in _SIGNATURES:
        if head.startswith(signature):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADER_SIZES:
        return "BMP"
    return _media_format(head) if head[4:8] == b"ftyp" else None


def _media_format(head: bytes) -> str | None:
    """Return the format of an ISO media file by the first of its brands that names one."""
    brands = foreign_formats.brands(head)
    named = next((_BRANDS[brand] for brand in brands if brand in _BRANDS), None)
    return named or ("HEIF" if not _HEIF_BRANDS.isdisjoint(brands) else None)


def format_refusal(found: str, *, limits: DecodeLimits) -> ImageRefused:
    """Return the refusal of a file whose format, such as "a PDF document", is not accepted."""
    return ImageRefused(Reason.FORMAT_NOT_ALLOWED, format_sentence(found, formats=limits.formats))


def format_sentence(found: str, *, formats: Sequence[str] = ALLOWED_FORMATS) -> str:
    return f"This is {found}. Accepted are {', '.join(formats)}. Convert it and send it again."
