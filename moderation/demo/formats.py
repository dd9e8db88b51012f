"""Demo files in every allowed format, odd shapes, animations, and files that cannot be screened."""

from collections.abc import Callable, Iterator
from itertools import cycle, islice
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from moderation.demo.encoding import Made, Photos, encode, shrink
from moderation.demo.heic import heic

# (end of the name, Pillow's mode, Pillow's format, options for saving)
FORMATS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("progressive.jpg", "RGB", "JPEG", {"progressive": True}),
    ("gray.jpg", "L", "JPEG", {}),
    ("cmyk.jpg", "CMYK", "JPEG", {}),
    ("truecolour.png", "RGB", "PNG", {}),
    ("gray.png", "L", "PNG", {}),
    ("one-bit.png", "1", "PNG", {}),
    ("palette-with-transparency.png", "P", "PNG", {"transparency": 0}),
    ("lossy.webp", "RGB", "WEBP", {"quality": 70}),
    ("lossless.webp", "RGB", "WEBP", {"lossless": True}),
    ("still.gif", "P", "GIF", {}),
    # With several threads, libavif's output depends on the number of cores.
    ("still.avif", "RGB", "AVIF", {"quality": 60, "max_threads": 1}),
    ("uncompressed.bmp", "RGB", "BMP", {}),
    ("lzw.tif", "RGB", "TIFF", {"compression": "tiff_lzw"}),
    ("gray.tif", "L", "TIFF", {}),
]


def formats(photos: Photos) -> Iterator[Made]:
    """Yield one file in every allowed format and common mode, each made from the next photo."""
    for (suffix, mode, to, options), (name, photo) in zip(FORMATS, cycle(photos.items()), strict=False):
        yield f"format/{name}-{suffix}", encode(shrink(photo).convert(mode), to=to, **options)


def transparent(photo: Image.Image) -> bytes:
    """Return the photo in an ellipse, with transparency around it."""
    alpha = Image.new("L", photo.size)
    ImageDraw.Draw(alpha).ellipse((0, 0, *photo.size), fill=255)
    cut_out = photo.copy()
    cut_out.putalpha(alpha)
    return encode(shrink(cut_out), to="PNG")


def sixteen_bit(photo: Image.Image) -> bytes:
    values = np.asarray(shrink(photo).convert("L"), dtype=np.uint16) * 257
    return encode(Image.fromarray(values), to="PNG")


def two_pictures(photo: Image.Image) -> bytes:
    """Return a file with a photo and a preview, as cameras write it; only the first picture counts."""
    return encode(photo, to="MPO", save_all=True, append_images=[ImageOps.mirror(photo)])


def high_efficiency(photo: Image.Image) -> bytes:
    return heic(shrink(photo, side=240))


def two_pages(photo: Image.Image) -> bytes:
    page = shrink(photo)
    return encode(page, to="TIFF", save_all=True, append_images=[ImageOps.mirror(page)])


SHAPES: dict[str, Callable[[Image.Image], bytes]] = {
    "transparent.png": transparent,
    "16-bit.png": sixteen_bit,
    "two-pictures.mpo": two_pictures,
    "two-pages.tif": two_pages,
    "phone.heic": high_efficiency,
    "tall.jpg": lambda photo: encode(ImageOps.fit(photo, (90, 1000))),
    "wide.jpg": lambda photo: encode(ImageOps.fit(photo, (1000, 90))),
    "tiny.png": lambda photo: encode(ImageOps.fit(photo, (8, 8)), to="PNG"),
}


def shapes(photos: Photos) -> Iterator[Made]:
    """Yield files that options for saving cannot make: transparency, 16 bits, two pictures in one file, odd sizes."""
    for (suffix, make), (name, photo) in zip(SHAPES.items(), cycle(photos.items()), strict=False):
        yield f"shape/{name}-{suffix}", make(photo)


def animations(photos: Photos) -> Iterator[Made]:
    """Yield a slow pan in each animated format, and a slide show in which one picture scores higher than the others."""
    for to, (name, photo) in zip(["GIF", "WEBP", "PNG"], cycle(photos.items()), strict=False):
        yield f"animation/{name}-pan.{to.lower()}", animate(pan(shrink(photo, side=320)), to=to)
    # Resized to squares instead of cropped, as the classifier does, so that a picture keeps its score.
    slides = [photo.resize((320, 320)) for photo in islice(photos.values(), 0, None, 4)]
    yield "animation/slide-show.gif", animate(slides, to="GIF")


def animate(frames: list[Image.Image], *, to: str) -> bytes:
    return encode(frames[0], to=to, save_all=True, append_images=frames[1:], duration=200, loop=0)


def pan(photo: Image.Image, *, frames: int = 6) -> list[Image.Image]:
    width, height = photo.size
    window = round(width * 0.7)
    starts = [(width - window) * number // (frames - 1) for number in range(frames)]
    return [photo.crop((start, 0, start + window, height)) for start in starts]


# Files that cannot be screened.


def unreadable(photos: Photos) -> Iterator[Made]:
    """Yield files that begin as images do and cannot be decoded."""
    photo = shrink(next(iter(photos.values())))
    jpeg = encode(photo)
    yield "unreadable/cut-in-half.jpg", jpeg[: len(jpeg) // 2]
    yield "unreadable/damaged-pixels.png", damage(encode(photo, to="PNG"))
    yield "unreadable/zeros-after-the-header.webp", b"RIFF\x00\x10\x00\x00WEBPVP8 " + bytes(4084)
    yield "unreadable/header-only.gif", encode(photo.convert("P"), to="GIF")[:13]
    yield "unreadable/cut-short.bmp", encode(photo, to="BMP")[:2000]


def too_large() -> Iterator[Made]:
    """Yield a valid file of a few kilobytes with more pixels than the default limit of 50 million."""
    yield "too-large/81-megapixels.png", encode(Image.new("1", (9000, 9000), color=1), to="PNG")


def damage(data: bytes) -> bytes:
    """Return `data` with 256 bytes in its middle set to 255."""
    middle = len(data) // 2
    return data[:middle] + b"\xff" * 256 + data[middle + 256 :]


def refused() -> Iterator[Made]:
    """Yield files that are not images, whatever their names say."""
    yield "refused/text-renamed.jpg", b"A shopping list: two lemons, a loaf of bread.\n"
    yield "refused/drawing.svg", b'<svg xmlns="http://www.w3.org/2000/svg"><circle r="9"/></svg>\n'
    yield "refused/empty.png", b""
