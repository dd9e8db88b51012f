"""The pictures that people see: re-encoded, without metadata, from a full decode of their own.

Runs in the decode process. The frame, orientation and decoder are those that were scored.
"""

import io

from PIL import Image

MEDIA_TYPE = "image/jpeg"

#: Nothing can be recognised in a picture of so few pixels on its long side, only where which colour was.
BLURRED_SIDE = 16
#: It is enlarged again to this, so that a page shows a soft blur and not squares.
_BLURRED_SHOWN_SIDE = 160
_CLEAR_QUALITY = 85
_BLURRED_QUALITY = 60


def encode(picture: Image.Image, *, max_side: int) -> tuple[bytes, bytes, int, int]:
    """Return (clear JPEG, blurred JPEG, width, height of the clear one) of an upright RGB picture."""
    fitted = _fitted(picture, max_side=max_side)
    return _jpeg(fitted, quality=_CLEAR_QUALITY), _blurred(fitted), fitted.width, fitted.height


def _fitted(picture: Image.Image, *, max_side: int) -> Image.Image:
    """The picture with no side longer than ``max_side``; a small one as it is."""
    if max(picture.size) <= max_side:
        return picture
    # Blocks of pixels are averaged first, down to twice the target: four times faster on 50 megapixels.
    size = _within(picture.size, side=max_side)
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def _blurred(picture: Image.Image) -> bytes:
    # Averaged cells: a detail smaller than a cell leaves nothing but its mean.
    tiny = picture.resize(_within(picture.size, side=BLURRED_SIDE), Image.Resampling.BOX)
    shown = tiny.resize(_within(picture.size, side=_BLURRED_SHOWN_SIDE), Image.Resampling.BICUBIC)
    return _jpeg(shown, quality=_BLURRED_QUALITY)


def _within(size: tuple[int, int], *, side: int) -> tuple[int, int]:
    """The size of the same aspect whose longer side is ``side``."""
    width, height = (max(1, round(have * side / max(size))) for have in size)
    return width, height


def _jpeg(picture: Image.Image, *, quality: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
