"""Files at the limits, which take seconds and hundreds of megabytes: the largest of every kind, and the longest."""

from PIL import Image

from moderation.decoding.images import Reason
from tests.hostile import bmp, gif, jpeg, png, tiff, webp
from tests.hostile.case import SCORED, Case, Cases, quarantined
from tests.hostile.seeds import encoded, exif

SIDE = 7071
LATE = quarantined(Reason.TIMED_OUT)


def largest() -> Cases:
    """Yield files of 49,999,041 pixels in every mode that is large in memory."""
    flat = {mode: Image.new(mode, (SIDE, SIDE), 99) for mode in ("L", "RGB", "RGBA", "CMYK", "I;16", "I", "F")}
    turned = exif(orientation=6)
    yield Case("large/turned jpeg", encoded(flat["RGB"], "JPEG", exif=turned), SCORED)
    yield Case("large/progressive jpeg", encoded(flat["RGB"], "JPEG", progressive=True), SCORED)
    yield Case("large/progressive cmyk jpeg", encoded(flat["CMYK"], "JPEG", progressive=True), SCORED)
    yield Case("large/turned and transparent png", encoded(flat["RGBA"], "PNG", exif=turned, compress_level=1), SCORED)
    yield Case("large/png of 16 bits", encoded(flat["I;16"], "PNG", compress_level=1), SCORED)
    for mode in ("RGBA", "CMYK", "I;16", "I", "F"):
        yield Case(f"large/{mode} tiff", encoded(flat[mode], "TIFF", compression="zstd"), SCORED)
    yield Case("large/avif", encoded(flat["RGB"], "AVIF", speed=10), SCORED)
    yield Case("large/webp", encoded(flat["RGBA"], "WEBP", method=0, quality=10), SCORED)
    yield Case("large/line", png.png(width=50_000_000, height=1), SCORED)


def longest() -> Cases:
    """Yield animations just below 300 million composed pixels, and files of many small parts."""
    yield Case("long/gif", gif.start(SIDE, SIDE) + gif.picture() * 5 + gif.END, SCORED)
    yield Case("long/gif of 300 frames", gif.start(1000, 1000) + gif.picture() * 300 + gif.END, SCORED)
    yield Case("long/apng", png.animation(6, side=SIDE), SCORED)
    yield Case("long/apng of 300 frames", png.animation(300, side=1000), SCORED)
    tiny = webp.frame(webp.flat(1, 1), size=(1, 1))
    yield Case("long/webp", webp.animation(*[tiny] * 6, width=SIDE, height=SIDE), SCORED)
    yield Case("long/webp of 300 frames", webp.animation(*[tiny] * 300, width=1000, height=1000), SCORED)
    shared = tiff.PAGE | {700: (1, 20_000_000, tiff.DATA + 64)}
    yield Case(
        "long/tiff of 5,000 pages that share 20 MB", tiff.tiff(*[shared] * 5000, extra=bytes(20_000_000)), SCORED
    )
    yield Case("long/bmp of jumps", bmp.rle(b"\0\2\xff\0" * 6_000_000, width=7000, height=7000), SCORED)


def late() -> Cases:
    """Yield files that take seconds to decode, so that the parent's time limit ends them."""
    yield Case("late/jpeg of 20,000 scans", jpeg.scans(20_000, size=(7000, 7000)), LATE)
    yield Case("late/jpeg of 24 MB of filling", jpeg.after_start(b"\xff" * 24_000_000), LATE)
    yield Case("late/jpeg of 300,000 exif blocks", jpeg.after_start(jpeg.exif(b"") * 300_000), LATE)
    yield Case("late/png of 1.5 million texts", png.png(png.chunk(b"tEXt", b"a\0b") * 1_500_000), LATE)
