"""Renderings of a frame that some viewers show instead of the picture that browsers show. Runs in the decode process.

Each is scored only if it differs from the others, so an ordinary photo costs nothing more.
"""

import io
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from PIL import ExifTags, Image, ImageFile

from moderation.decoding.child import orientation, pixels
from moderation.decoding.child.frame_sampling import ALIKE, Thumbnail, distance, thumbnail_of
from moderation.decoding.child.heif_files import HeifFile
from moderation.decoding.child.png_files import PngFile
from moderation.decoding.views import Appearance

BLACK = (0, 0, 0)
#: A preview differs from this root mean square difference of the thumbnails on, of 255: cameras crop and sharpen them.
#: A preview only adds a picture. The other renderings replace the one that would be shown without some metadata, so
#: they are scored unless they look the same.
_PREVIEW_DIFFERS = 16.0
#: Pixels. The standard has previews of 160 x 120; larger pictures than this are ignored.
_LARGEST_PREVIEW = 2_000_000

Picture = Image.Image


def differing_renderings(image: ImageFile.ImageFile, picture: Picture) -> Iterator[tuple[Appearance, Picture]]:
    """Yield each other appearance of the current frame, RGB, that differs from ``picture`` and from those before it."""
    seen: list[Thumbnail] = []
    for appearance in Appearance:
        if appearance is Appearance.PLAIN or (other := rendering(image, picture, appearance=appearance)) is None:
            continue
        seen = seen or [thumbnail_of(picture)]
        least = _PREVIEW_DIFFERS if appearance is Appearance.PREVIEW else ALIKE
        thumbnail = _comparable_thumbnail(other, picture) if appearance is Appearance.PREVIEW else thumbnail_of(other)
        if all(distance(each, thumbnail) >= least for each in seen):
            seen.append(thumbnail)
            yield appearance, other


def rendering(image: ImageFile.ImageFile, picture: Picture, *, appearance: Appearance) -> Picture | None:
    """Return the frame in one appearance, or None if the file does not have it. ``picture`` is the plain one."""
    if appearance is Appearance.PLAIN:
        return picture
    if appearance.is_turned:
        return _turned(image, picture, appearance=appearance)
    make: dict[Appearance, Callable[[], Picture | None]] = {
        Appearance.ON_BLACK: partial(_on_black, image),
        Appearance.UNMANAGED: partial(_unmanaged, image),
        Appearance.PREVIEW: partial(_preview, image),
        Appearance.STILL: partial(_still, image),
        Appearance.OPAQUE: partial(_opaque, image),
    }
    return make[appearance]()


def _on_black(image: ImageFile.ImageFile) -> Picture | None:
    return pixels.upright_rgb(image, ground=BLACK) if pixels.is_see_through(image) else None


def _opaque(image: ImageFile.ImageFile) -> Picture | None:
    return pixels.upright_rgb(image, opaque=True) if pixels.is_see_through(image) else None


def _unmanaged(image: ImageFile.ImageFile) -> Picture | None:
    return pixels.upright_rgb(image, managed=False) if pixels.is_managed(image) else None


def applied_orientation(image: ImageFile.ImageFile, *, appearance: Appearance) -> int:
    """Return the orientation that an appearance of the current frame has, 1 to 8; 1 is as stored."""
    if appearance is Appearance.AS_STORED:
        return 1
    other = {Appearance.TURNED_BY_EXIF: orientation.by_exif, Appearance.TURNED_BY_XMP: orientation.by_xmp}
    return other.get(appearance, orientation.in_browsers)(image)


def _turned(image: ImageFile.ImageFile, picture: Picture, *, appearance: Appearance) -> Picture | None:
    other = applied_orientation(image, appearance=appearance)
    if other == orientation.in_browsers(image):
        return None
    return orientation.turned(pixels.turned_back(image, picture), orientation=other)


def _still(image: ImageFile.ImageFile) -> Picture | None:
    """Return the picture of an animated PNG file for programs without animations."""
    still = image.still() if isinstance(image, PngFile) and image.tell() == 0 else None
    return pixels.upright_rgb(still) if still else None


def _preview(image: ImageFile.ImageFile) -> Picture | None:
    """Return the preview in the EXIF block, turned like the picture, or the thumbnail of a HEIF file."""
    if isinstance(image, HeifFile):
        return _heif_thumbnail(image) if image.tell() == 0 else None
    content = _preview_bytes(image) if image.tell() == 0 else b""
    if not content:
        return None
    try:
        with Image.open(io.BytesIO(content), formats=["JPEG"]) as preview:
            if preview.width * preview.height > _LARGEST_PREVIEW:
                return None
            return pixels.turned_upright(image, preview.convert("RGB"))
    except pixels.BAD_BYTES:
        return None


def _heif_thumbnail(image: HeifFile) -> Picture | None:
    try:
        thumbnail = image.thumbnail_picture()
        return (
            thumbnail.convert("RGB") if thumbnail and thumbnail.width * thumbnail.height <= _LARGEST_PREVIEW else None
        )
    except pixels.BAD_BYTES:
        return None


def _preview_bytes(image: ImageFile.ImageFile) -> bytes:
    try:
        exif = image.getexif()
        tags = exif.get_ifd(ExifTags.IFD.IFD1)
        start, length = tags[ExifTags.Base.JpegIFOffset], tags[ExifTags.Base.JpegIFByteCount]
        block = image.info["exif"].removeprefix(b"Exif\0\0")
        return bytes(block[start : start + length])
    except pixels.BAD_BYTES:
        return b""


def _comparable_thumbnail(other: Picture, picture: Picture) -> Thumbnail:
    """Return the thumbnail of ``other``, cropped to the aspect of ``picture`` because a preview may have black bars."""
    wanted = picture.width / picture.height
    width, height = min(other.width, round(other.height * wanted)), min(other.height, round(other.width / wanted))
    if width < 1 or height < 1:
        return np.full((1, 1, 3), 255, dtype=np.int16)
    left, top = (other.width - width) // 2, (other.height - height) // 2
    return thumbnail_of(other.crop((left, top, left + width, top + height)))
