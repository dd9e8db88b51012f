"""Renderings of a frame that some viewers show instead of the decoded picture. Runs in the decode process.

* transparent pixels on black instead of white;
* colours converted by the file's ICC profile or, in PNG files, its gamma: browsers do so and many programs do not;
* the preview in the EXIF block, which file managers and some platforms show instead of the picture.

Each is scored only if it differs from the decoded picture, so an ordinary photo costs nothing more.
"""

import io
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageFile

from moderation.decoding.child import pixels
from moderation.decoding.child.frame_sampling import Thumbnail, distance, thumbnail_of
from moderation.decoding.views import Appearance

BLACK = (0, 0, 0)
#: Renderings differ from this root mean square difference of their thumbnails on, of 255. Display P3 shown as sRGB
#: stays below it.
DIFFERS = 16.0
#: Pixels. The standard has previews of 160 x 120; larger pictures than this are ignored.
_LARGEST_PREVIEW = 2_000_000
#: The gamma of files without a gamma chunk, 1 / 2.2.
_USUAL_GAMMA = 0.45455
_MODES_OF_SPACES = {"RGB ": "RGB", "CMYK": "CMYK", "GRAY": "L"}


def differing_renderings(image: ImageFile.ImageFile, picture: Image.Image) -> Iterator[tuple[Appearance, Image.Image]]:
    """Yield each other appearance of the current frame, upright RGB, that differs from ``picture``."""
    plain: Thumbnail | None = None
    for appearance in (Appearance.ON_BLACK, Appearance.MANAGED, Appearance.PREVIEW):
        other = rendering(image, picture, appearance=appearance)
        if other is None:
            continue
        plain = thumbnail_of(picture) if plain is None else plain
        if distance(plain, _comparable_thumbnail(other, picture)) >= DIFFERS:
            yield appearance, other


def rendering(image: ImageFile.ImageFile, picture: Image.Image, *, appearance: Appearance) -> Image.Image | None:
    """Return the frame in one appearance, or None if the file does not have it. ``picture`` is the plain one."""
    if appearance is Appearance.ON_BLACK:
        return pixels.upright_rgb(image, ground=BLACK) if image.has_transparency_data else None
    if appearance is Appearance.MANAGED:
        return _managed(image, picture)
    if appearance is Appearance.PREVIEW:
        return _preview(image) if image.tell() == 0 else None
    return picture


def _managed(image: ImageFile.ImageFile, picture: Image.Image) -> Image.Image | None:
    if profile := image.info.get("icc_profile"):
        return _by_profile(image, picture, profile=profile)
    gamma = image.info.get("gamma")
    if isinstance(gamma, float) and gamma > 0 and abs(gamma - _USUAL_GAMMA) > 0.01:
        return picture.point(_gamma_table(gamma) * 3)
    return None


def _by_profile(image: ImageFile.ImageFile, picture: Image.Image, *, profile: bytes) -> Image.Image | None:
    """Convert to sRGB. Return None if the profile is broken or for other pictures, as browsers then ignore it."""
    try:
        mode, transform = _transform(profile)
        source = picture if mode == "RGB" else image.convert(mode)
        shown = ImageCms.applyTransform(source, transform)
        assert shown is not None  # None is returned only for a conversion in place
        return shown if source is picture else pixels.turned_upright(image, shown)
    except (ImageCms.PyCMSError, KeyError, ValueError, OSError):
        return None


@lru_cache(maxsize=4)
def _transform(profile: bytes) -> tuple[str, ImageCms.ImageCmsTransform]:
    parsed = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    mode = _MODES_OF_SPACES[f"{parsed.profile.xcolor_space:<4}"]
    return mode, ImageCms.buildTransform(parsed, ImageCms.createProfile("sRGB"), mode, "RGB")


def _gamma_table(gamma: float) -> list[int]:
    """Return the shown value of each stored value. By the file, light = value to the power of 1 / gamma."""
    return [round(255 * (value / 255) ** (_USUAL_GAMMA / gamma)) for value in range(256)]


def _preview(image: ImageFile.ImageFile) -> Image.Image | None:
    """Return the preview in the EXIF block, turned like the picture, or None if no preview can be read."""
    content = _preview_bytes(image)
    if not content:
        return None
    try:
        with Image.open(io.BytesIO(content), formats=["JPEG"]) as preview:
            if preview.width * preview.height > _LARGEST_PREVIEW:
                return None
            return pixels.turned_upright(image, preview.convert("RGB"))
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


def _comparable_thumbnail(other: Image.Image, picture: Image.Image) -> Thumbnail:
    """Return the thumbnail of ``other``, cropped to the aspect of ``picture`` because a preview may have black bars."""
    wanted = picture.width / picture.height
    width, height = min(other.width, round(other.height * wanted)), min(other.height, round(other.width / wanted))
    if width < 1 or height < 1:
        return np.full((1, 1, 3), 255, dtype=np.int16)
    left, top = (other.width - width) // 2, (other.height - height) // 2
    return thumbnail_of(other.crop((left, top, left + width, top + height)))
