"""Types and encoding that all makers of demo pictures use."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any

from PIL import Image

# (path below the target folder, bytes)
Made = tuple[str, bytes]
# RGB images by name.
Photos = Mapping[str, Image.Image]


def encode(image: Image.Image, *, to: str = "JPEG", **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, to, **options)
    return buffer.getvalue()


def shrink(photo: Image.Image, *, side: int = 480) -> Image.Image:
    """Return a copy whose longer side is at most `side` pixels, so that uncompressed formats stay small."""
    small = photo.copy()
    small.thumbnail((side, side))
    return small
