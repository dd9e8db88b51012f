"""Renditions, the pictures that people see: decoded separately and encoded anew, without metadata.

Runs in the decode process. The frame, orientation and decoder are the scored ones. JPEG files are decoded at the
smallest scale that is large enough for the rendition, in a third of the time of a full decode of 8 megapixels.
"""

import io

from PIL import Image

MEDIA_TYPE = "image/jpeg"

#: Pixels of a blurred picture's long side. With so few, only the distribution of colours can be recognised.
BLURRED_SIDE = 16
#: The blurred picture is enlarged to this side, so that a page shows a soft blur and not squares.
_BLURRED_SHOWN_SIDE = 160
#: JPEG quality. With less, a blurred picture shows the edges of the encoder's blocks.
_QUALITY = 85


def encode(picture: Image.Image, *, max_side: int) -> tuple[bytes, bytes, int, int]:
    """Return (clear JPEG, blurred JPEG, width, height of the clear one) of an upright RGB picture."""
    fitted = _fitted(picture, max_side=max_side)
    return _jpeg(fitted), _blurred(fitted), fitted.width, fitted.height


def _fitted(picture: Image.Image, *, max_side: int) -> Image.Image:
    """Shrink the picture until no side is longer than ``max_side``; return a small picture unchanged."""
    if max(picture.size) <= max_side:
        return picture
    # Blocks of pixels are first averaged, down to twice the target: four times faster on 50 megapixels. To the eye,
    # Hamming's window is as sharp as Lanczos' and takes half the time.
    size = within(picture.size, side=max_side)
    return picture.resize(size, Image.Resampling.HAMMING, reducing_gap=2.0)


def _blurred(picture: Image.Image) -> bytes:
    # Each cell is averaged, so that only the mean is left of details smaller than a cell.
    tiny = picture.resize(within(picture.size, side=BLURRED_SIDE), Image.Resampling.BOX)
    shown = tiny.resize(within(picture.size, side=_BLURRED_SHOWN_SIDE), Image.Resampling.BICUBIC)
    return _jpeg(shown)


def within(size: tuple[int, int], *, side: int) -> tuple[int, int]:
    """Return the (width, height) of the same aspect whose longer side is ``side`` pixels."""
    width, height = (max(1, round(have * side / max(size))) for have in size)
    return width, height


def _jpeg(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
