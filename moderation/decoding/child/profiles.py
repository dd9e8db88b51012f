"""Conversion to sRGB by a file's ICC profile, as browsers do it. Runs in the decode process."""

import io
import struct
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

from moderation.decoding.child import encodings
from moderation.decoding.child.encodings import Encoding

#: Colour space of a profile -> Pillow's mode for its numbers.
_MODES = {"RGB ": "RGB", "CMYK": "CMYK", "GRAY": "L"}
#: Errors of LittleCMS and of profiles whose fields make no sense.
_BAD_PROFILE = (ImageCms.PyCMSError, KeyError, ValueError, OSError, struct.error)
#: A profile changes nothing if it moves no colour by more than this, of 255. Common sRGB profiles stay below it.
_NOTHING = 2
_LATTICE = 9
#: ICC.1:2022: the tags start here, each with a name, a place and a length.
_TAGS, _TAG_BYTES = 128, 12


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile that browsers can use.

    Attributes:
        mode: Pillow's mode of the numbers that it describes.
        transform: to sRGB; None if the numbers are sRGB's already, or ``encoding`` is set.
        encoding: stated by the profile's code points, which go before its curves and tables.
    """

    mode: str
    transform: ImageCms.ImageCmsTransform | None
    encoding: Encoding | None

    @property
    def changes_nothing(self) -> bool:
        return self.transform is None and self.encoding is None

    def convert(self, picture: Image.Image) -> Image.Image:
        """Convert a picture of mode ``mode`` to sRGB.

        Raises:
            ImageCms.PyCMSError: LittleCMS cannot convert it.
        """
        if self.encoding:
            return encodings.in_srgb(picture, self.encoding)
        assert self.transform is not None
        shown = ImageCms.applyTransform(picture, self.transform)
        assert shown is not None  # None is returned only for a conversion in place
        return shown


@lru_cache(maxsize=4)
def read_profile(content: bytes) -> Profile | None:
    """Return the profile; None if it is broken or of another kind, as browsers then ignore it."""
    try:
        parsed = ImageCms.ImageCmsProfile(io.BytesIO(content))
        mode = _MODES[f"{parsed.profile.xcolor_space:<4}"]
        tags = _tags(content)
        if mode == "RGB" and (encoding := _stated_encoding(content, tags)):
            return Profile(mode, None, None if encodings.is_srgb(encoding) else encoding)
        transform = ImageCms.buildTransform(parsed, _srgb(), mode, "RGB")
        # The tables of a profile may do anything between the colours that are tried.
        is_simple = b"A2B0" not in tags and parsed.profile.is_matrix_shaper
        return Profile(mode, None if is_simple and _changes_nothing(transform) else transform, None)
    except _BAD_PROFILE:
        return None


@lru_cache(maxsize=1)
def _srgb() -> ImageCms.ImageCmsProfile:
    """Return sRGB as a profile of version 2: for version 4, LittleCMS would move black, which browsers do not."""
    content = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    content[8:12] = b"\x02\x40\0\0"
    return ImageCms.ImageCmsProfile(io.BytesIO(bytes(content)))


def _tags(content: bytes) -> dict[bytes, int]:
    """Return the place of each tag."""
    (count,) = struct.unpack_from(">I", content, _TAGS)
    starts = range(_TAGS + 4, min(len(content) - _TAG_BYTES, _TAGS + 4 + count * _TAG_BYTES - 1) + 1, _TAG_BYTES)
    entries = (struct.unpack_from(">4sI", content, start) for start in starts)
    return dict(entries)


def _stated_encoding(content: bytes, tags: dict[bytes, int]) -> Encoding | None:
    if b"cicp" not in tags:
        return None
    kind, primaries, transfer = struct.unpack_from(">4s4xBB", content, tags[b"cicp"])
    return encodings.by_code_points(primaries, transfer) if kind == b"cicp" else None


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    """Whether each number of each channel, and a lattice of colours, stay the same: enough for curves and a matrix."""
    tried = _tried_colours()
    shown = ImageCms.applyTransform(tried.convert(transform.input_mode), transform)
    assert shown is not None
    differences = np.asarray(shown, dtype=np.int16) - np.asarray(tried, dtype=np.int16)
    return bool(np.abs(differences).max() <= _NOTHING)


@lru_cache(maxsize=1)
def _tried_colours() -> Image.Image:
    ramp = np.arange(256, dtype=np.uint8)[:, np.newaxis]
    ramps = [ramp * np.array(channels, dtype=np.uint8) for channels in ((1, 1, 1), (1, 0, 0), (0, 1, 0), (0, 0, 1))]
    nodes = np.linspace(0, 255, _LATTICE).round().astype(np.uint8)
    lattice = np.stack(np.meshgrid(nodes, nodes, nodes), axis=-1).reshape(-1, 3)
    return Image.fromarray(np.concatenate([*ramps, lattice])[np.newaxis])
