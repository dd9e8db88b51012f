"""Photographs of the demo as bytes, and slightly changed copies of them."""

import io
from pathlib import Path

from PIL import Image

from moderation.decoding.child.pdq import pdq_hash
from moderation.decoding.fingerprints import PdqHash

DEMO = Path(__file__).resolve().parents[3] / "demo"


def photo(name: str) -> bytes:
    return (DEMO / name).read_bytes()


def changed(name: str, *, quality: int = 60, share: float = 0.8) -> bytes:
    """The photograph, smaller and compressed again."""
    with Image.open(DEMO / name) as image:
        small = image.convert("RGB").resize((round(image.width * share), round(image.height * share)))
    out = io.BytesIO()
    small.save(out, "JPEG", quality=quality)
    return out.getvalue()


def picture_of(name: str) -> PdqHash:
    with Image.open(DEMO / name) as image:
        return pdq_hash(image)
