"""The orientation of a picture: the one that browsers apply, and those that other programs read in the same file.

Browsers turn JPEG and PNG files by one tag only: orientation, of the type SHORT with one value, in the first EXIF block
before the pixels. They turn AVIF and HEIF files by the container's ``irot`` and ``imir``, and WebP, GIF and BMP files
not at all. Other programs also accept other types of the tag, XMP, and the tag in WebP. Runs in the decode process.
"""

import re
import struct

from PIL import ExifTags, Image, ImageFile, JpegImagePlugin

#: Exceptions of Pillow's EXIF reader for unexpected bytes.
_BAD_EXIF = (OSError, SyntaxError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, struct.error)

#: The sixth byte of the header is a zero in the standard and is not checked by browsers.
_HEADER, _HEADER_BYTES = b"Exif\0", 6
_SHORT = 3
#: Bytes of one entry of an EXIF directory.
_ENTRY = 12
_XMP_TAG = re.compile(rb"tiff:Orientation(?:\s*=\s*[\"']|>)\s*([1-8])")

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = (5, 6, 7, 8)
#: Orientation -> the one that undoes it. A quarter turn is undone by the opposite one, a mirroring by itself.
_INVERSE = {6: 8, 8: 6}


def turned(picture: Image.Image, *, orientation: int) -> Image.Image:
    """Return a stored picture as it looks by ``orientation``."""
    method = _UPRIGHT.get(orientation)
    return picture if method is None else picture.transpose(method)


def turned_back(picture: Image.Image, *, orientation: int) -> Image.Image:
    """Return the stored picture of one that ``turned`` returned."""
    return turned(picture, orientation=_INVERSE.get(orientation, orientation))


def is_sideways(orientation: int) -> bool:
    """Whether the orientation exchanges width and height."""
    return orientation in _SIDEWAYS


def in_browsers(image: Image.Image) -> int:
    """Return the orientation that browsers apply, 1 to 8. TIFF files, which they do not draw, are turned by EXIF."""
    if image.format in ("JPEG", "MPO", "PNG"):
        return _strict(_first_block(image))
    if image.format == "HEIF":
        return getattr(image, "container_orientation", 1)
    return by_exif(image) if image.format in ("TIFF", "AVIF") else 1


def by_exif(image: Image.Image) -> int:
    """Return the orientation of an EXIF block, whatever its type; 1 if there is none or the block is broken.

    For AVIF files, Pillow stores ``irot`` and ``imir`` in it.
    """
    try:
        if image.format == "TIFF":
            assert isinstance(image, ImageFile.ImageFile)
            found = image.getexif().get(ExifTags.Base.Orientation)
        else:
            # ``image.getexif`` would mix XMP in.
            exif = Image.Exif()
            exif.load(_block(image))
            found = exif.get(ExifTags.Base.Orientation)
    except _BAD_EXIF:
        return 1
    return _valid(found[0] if isinstance(found, tuple) and found else found)


def by_xmp(image: Image.Image) -> int:
    """Return the orientation of the XMP block; 1 if there is none."""
    block = image.info.get("xmp")
    found = _XMP_TAG.search(block) if isinstance(block, bytes) else None
    return int(found[1]) if found else 1


def _block(image: Image.Image) -> bytes:
    block = image.info.get("exif")
    if block is None and isinstance(profile := image.info.get("Raw profile type exif"), str):
        # ImageMagick's form in PNG files: a name, a length and hexadecimal digits.
        block = bytes.fromhex("".join(profile.split("\n")[3:]))
    return block if isinstance(block, bytes) else b""


def _first_block(image: Image.Image) -> bytes:
    """Return the EXIF block that browsers read. Pillow joins several, and reads those behind a PNG file's pixels."""
    if image.format == "PNG":
        return getattr(image, "leading_exif", b"")
    if isinstance(image, JpegImagePlugin.JpegImageFile) and image.tell() == 0:
        segments = (content for name, content in image.applist if name == "APP1")
        return next((content for content in segments if content.startswith(_HEADER)), b"")
    return _block(image)


def _strict(block: bytes) -> int:
    """Return the orientation of an EXIF block as browsers read it."""
    if not block.startswith(_HEADER):
        return 1
    tiff = block[_HEADER_BYTES:]
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return 1
    (start,) = struct.unpack_from(f"{order}I", tiff, 4)
    return _first_directory(tiff, start=start, order=order)


def _first_directory(tiff: bytes, *, start: int, order: str) -> int:
    if start + 2 > len(tiff):
        return 1
    (count,) = struct.unpack_from(f"{order}H", tiff, start)
    within = (len(tiff) - start - 2) // _ENTRY
    for number in range(min(count, within)):
        tag, kind, values, value = struct.unpack_from(f"{order}HHIH", tiff, start + 2 + number * _ENTRY)
        if (tag, kind, values) == (ExifTags.Base.Orientation, _SHORT, 1):
            return _valid(value)
    return 1


def _valid(found: object) -> int:
    return found if isinstance(found, int) and 1 <= found <= 8 else 1
