"""Variants: JPEG files that differ from a photo in one way."""

import itertools
from collections.abc import Iterator
from random import Random
from typing import Protocol

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

from moderation.demo.encoding import Made, Photos, encode, shrink


class Variant(Protocol):
    def __call__(self, photo: Image.Image, *, random: Random) -> bytes: ...


def crop(photo: Image.Image, *, random: Random) -> bytes:
    return encode(random_part(photo, share=random.uniform(0.6, 0.85), random=random))


def close_crop(photo: Image.Image, *, random: Random) -> bytes:
    return encode(random_part(photo, share=random.uniform(0.3, 0.5), random=random))


def random_part(photo: Image.Image, *, share: float, random: Random) -> Image.Image:
    """Return a part as wide and as high as ``share`` of the photo."""
    width, height = round(photo.width * share), round(photo.height * share)
    left, top = random.randint(0, photo.width - width), random.randint(0, photo.height - height)
    return photo.crop((left, top, left + width, top + height))


def recompressed(photo: Image.Image, *, random: Random) -> bytes:
    return encode(photo, quality=random.choice([8, 15, 25, 40, 60]))


def resized(photo: Image.Image, *, random: Random) -> bytes:
    side = random.choice([96, 160, 240, 700, 1000])
    return encode(ImageOps.contain(photo, (side, side)))


def bordered(photo: Image.Image, *, random: Random) -> bytes:
    return encode(ImageOps.expand(shrink(photo, side=880), border=random.randint(8, 60), fill=random_colour(random)))


def random_colour(random: Random) -> tuple[int, int, int]:
    return random.randrange(256), random.randrange(256), random.randrange(256)


def mirrored(photo: Image.Image, *, random: Random) -> bytes:
    return encode(ImageOps.mirror(photo), quality=random.randint(70, 95))


def captioned(photo: Image.Image, *, random: Random) -> bytes:
    photo = photo.copy()
    text = random.choice(["for sale", "holiday 2024", "my new one", "does anyone know?", "sample 12"])
    place = (photo.width // 12, round(photo.height * random.uniform(0.1, 0.8)))
    font = ImageFont.load_default(size=photo.width // 12)
    ImageDraw.Draw(photo).text(place, text, font=font, fill="white", stroke_width=2, stroke_fill="black")
    return encode(photo)


def near_duplicate(photo: Image.Image, *, random: Random) -> bytes:
    """Crop one to three pixels on each side: the picture looks the same, and every byte differs."""
    return encode(ImageOps.crop(photo, border=random.randint(1, 3)), quality=random.randint(80, 92))


def relit(photo: Image.Image, *, random: Random) -> bytes:
    return encode(ImageEnhance.Brightness(photo).enhance(random.choice([0.45, 0.7, 1.3, 1.6])))


def recoloured(photo: Image.Image, *, random: Random) -> bytes:
    return encode(Image.blend(photo, Image.new("RGB", photo.size, random_colour(random)), 0.3))


def warm_tint(photo: Image.Image, *, random: Random) -> bytes:
    """Tint towards the colour of skin in evening light, to which classifiers of adult content react most."""
    gray = ImageOps.grayscale(photo)
    warm = ImageOps.colorize(gray, black="#2b120a", mid="#c68863", white="#ffe6d2")
    return encode(Image.blend(photo, warm, random.uniform(0.4, 0.8)))


def blurred(photo: Image.Image, *, random: Random) -> bytes:
    return encode(photo.filter(ImageFilter.GaussianBlur(random.uniform(1.5, 6))))


# The transposition of the stored pixels by EXIF orientation. Shown with that orientation, the photo is upright.
STORED_AS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def turned(photo: Image.Image, *, random: Random) -> bytes:
    orientation = random.choice(list(STORED_AS))
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encode(photo.transpose(STORED_AS[orientation]), exif=exif)


KINDS: dict[str, Variant] = {
    "crop": crop,
    "close-crop": close_crop,
    "recompressed": recompressed,
    "resized": resized,
    "bordered": bordered,
    "mirrored": mirrored,
    "captioned": captioned,
    "near-duplicate": near_duplicate,
    "relit": relit,
    "recoloured": recoloured,
    "warm-tint": warm_tint,
    "blurred": blurred,
    "turned": turned,
}


def variants(photos: Photos, *, random: Random) -> Iterator[Made]:
    """Yield variants without end. In each round every kind gets another photo, so that kinds and photos mix evenly."""
    names = list(photos)
    for turn in itertools.count():
        for place, (kind, make) in enumerate(KINDS.items()):
            name = names[(turn + 5 * place) % len(names)]
            yield f"{kind}/{name}-{kind}-{turn + 1}.jpg", make(photos[name], random=random)
