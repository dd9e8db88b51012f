"""The hashes by which a file's pictures are looked for in hash lists. Runs in the decode process."""

from collections.abc import Iterator

from PIL import Image

from moderation.decoding.child import pixels
from moderation.decoding.child.pdq import pdq_hash, scaled_pdq_hash
from moderation.decoding.fingerprints import HashedPicture, PdqHash, Reading
from moderation.decoding.views import Picture


def hashes_of(image: Image.Image, shown: Image.Image, *, picture: Picture) -> list[HashedPicture]:
    """Hash ``shown``, the current frame of ``image`` in one appearance, in each reading.

    A JPEG decoder may have made ``shown`` smaller than the file's own picture, which ``picture`` describes.
    """
    return [
        HashedPicture(frame=picture.frame, appearance=picture.appearance, reading=reading, hash=found)
        for reading, found in _readings(image, shown, picture=picture)
    ]


def _readings(image: Image.Image, shown: Image.Image, *, picture: Picture) -> Iterator[tuple[Reading, PdqHash]]:
    yield Reading.UPRIGHT, pdq_hash(shown, full_size=picture.size)
    yield Reading.SCALED, scaled_pdq_hash(shown)
    stored = None if picture.appearance else _as_stored(image, shown)
    if stored:
        yield Reading.STORED, pdq_hash(stored, full_size=image.size)


def _as_stored(image: Image.Image, shown: Image.Image) -> Image.Image | None:
    """Return the picture without orientation, with the colours below transparent pixels; None if it is ``shown``.

    Programs that make lists read files so. Only luminance is returned, which takes a quarter of the memory.
    """
    if image.has_transparency_data:
        return pixels.without_transparency(image)
    turned = pixels.turned_back(image, shown)
    return None if turned is shown else turned.convert("L")
