"""Write the demo's pictures to a folder."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from random import Random

from PIL import Image

from moderation.demo.encoding import Made
from moderation.demo.formats import animations, formats, refused, shapes, too_large, unreadable
from moderation.demo.variants import variants


class NoPhotos(ValueError):
    """The folder of photos is missing or holds no JPEG file."""


def make_images(photos: Path, target: Path, *, count: int = 200, seed: int = 7) -> list[Path]:
    """Write `count` files made from the JPEG files in `photos` below `target`, and return their paths.

    First come the photos, exact copies, every allowed format, animations, files that look like images and cannot be
    read, and files that are not images. Variants of the photos (crops, borders, near-duplicates, ...) follow until
    there are `count` files. If no photo has a side longer than 1,000 pixels, only one file has, which is blank and too
    large on purpose.

    Raises:
        NoPhotos: `photos` has no `.jpg` file.
    """
    originals = read_photos(photos)
    made = itertools.chain(
        copies(photos, names=list(originals)),
        formats(originals),
        shapes(originals),
        animations(originals),
        unreadable(originals),
        too_large(),
        refused(),
        variants(originals, random=Random(seed)),  # noqa: S311 - for variety, not for secrets
    )
    return [write(target / name, data=data) for name, data in itertools.islice(made, count)]


def read_photos(folder: Path) -> dict[str, Image.Image]:
    """Return the JPEG files in `folder` as RGB images by name, in the order of their names."""
    photos = {path.stem: Image.open(path).convert("RGB") for path in sorted(folder.glob("*.jpg"))}
    if not photos:
        raise NoPhotos(f"{folder} has no .jpg file. Nothing was written. Give a folder of photos, such as demo/")
    return photos


def write(path: Path, *, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def copies(folder: Path, *, names: list[str]) -> Iterator[Made]:
    """Yield the photos unchanged, then every fifth one again: the same bytes under another name."""
    for name in names:
        yield f"photo/{name}.jpg", (folder / f"{name}.jpg").read_bytes()
    for name in names[2::5]:
        yield f"exact-copy/{name}-again.jpg", (folder / f"{name}.jpg").read_bytes()
