"""Files -> upright RGB pictures. Runs in the decode process; never open an upload anywhere else.

How modes become RGB, so that a score can be explained:

* transparency of any kind (RGBA, LA, PA, palettes and tRNS) is laid on ``BACKGROUND``;
* CMYK, YCbCr, HSV, L, 1 and P are converted by Pillow without colour profiles;
* 16-bit grey is divided by 256; 32-bit integers and floats, which state no range, are stretched from their
  least to their greatest value;
* LAB is converted to sRGB by LittleCMS;
* what Pillow does not convert is refused as unreadable.
"""

import io
import os
import stat
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

# Every plug-in that may ever open a file. Pillow would load all its others if one of these were missing.
from PIL import (  # noqa: F401
    AvifImagePlugin,
    BmpImagePlugin,
    ExifTags,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from moderation.decoding.child import frames
from moderation.decoding.images import HEAD_BYTES, DecodeLimits, Header, ImageRefused, Reason, format_refusal, sniff

Colour = tuple[int, int, int]

#: Transparent pixels are laid on white, as most pages do; ``appearances`` lays them on black, too.
BACKGROUND: Colour = (255, 255, 255)

# A thread would reserve address space that the limit counts; the pre-screen runs one process a core anyhow.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1

#: What Pillow's plug-ins raise on bytes that they did not expect.
BAD_BYTES = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, AssertionError,
    EOFError, RuntimeError, BufferError, struct.error, zlib.error,
)  # fmt: skip

#: Modes that Pillow reads and converts to few others: through the first to the last of these.
_SUPPORTED_AS = {"I;16B": ("I", "I;16"), "La": ("LA",), "RGBa": ("RGBA",)}

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


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn what Pillow raises into refusals."""
    try:
        yield
    except ImageRefused:
        raise
    except MemoryError as error:
        raise ImageRefused(Reason.OUT_OF_MEMORY, "decoding it takes more memory than is allowed") from error
    except Image.DecompressionBombError as error:
        raise ImageRefused(Reason.TOO_MANY_PIXELS, str(error)) from error
    except BAD_BYTES as error:
        raise ImageRefused(_reason(error), f"{type(error).__name__}: {error}"[:300]) from error


@contextmanager
def open_image(path: Path, *, limits: DecodeLimits) -> Iterator[ImageFile.ImageFile]:
    """Open one file with the plug-in of the format that its first bytes name, nothing loaded yet.

    Raises:
        ImageRefused: the file is not there, not allowed, too large, or not what it seems.
    """
    with _regular_file(path) as file:
        name = _checked_format(file, limits=limits)
        with _opened(_content(file), name=name, limits=limits) as image:
            if image.format not in limits.formats:
                raise format_refusal(str(image.format), limits=limits)
            frames.check_pixels(image, limits=limits)
            yield image


@_refusals()
def read_header(image: ImageFile.ImageFile, *, limits: DecodeLimits) -> Header:
    """Read what the file says of itself; counting the frames of a GIF or TIFF file walks through it.

    Raises:
        ImageRefused: it has more frames than may be counted or composed.
    """
    return Header(str(image.format), image.width, image.height, frames.count(image, limits=limits))


@_refusals()
def seek(image: ImageFile.ImageFile, *, frame: int, limits: DecodeLimits) -> None:
    """Go to a frame, which may have a size of its own."""
    frames.reach(image, frame=frame, limits=limits)


@_refusals()
def upright_rgb(image: ImageFile.ImageFile, *, ground: Colour = BACKGROUND) -> Image.Image:
    """Decode the current frame: RGB on ``ground``, EXIF orientation applied, without any metadata."""
    _load(image)
    picture = _rgb(image, ground=ground)
    picture = image.copy() if picture is image else picture
    picture.info = {}
    return turned_upright(image, picture)


def turned_upright(image: Image.Image, picture: Image.Image) -> Image.Image:
    """``picture``, turned as the EXIF block of ``image`` says."""
    method = _UPRIGHT.get(_orientation(image))
    return picture if method is None else picture.transpose(method)


def lies_on_its_side(image: Image.Image) -> bool:
    """Whether turning it upright exchanges width and height."""
    return _orientation(image) in _SIDEWAYS


def upright_rgb_draft(path: Path, *, frame: int, side: int, limits: DecodeLimits) -> Image.Image:
    """Like ``upright_rgb`` for a JPEG file, decoded at the least scale that keeps both sides >= ``side``.

    The file is opened anew: a Pillow image takes one draft, and MPO would keep it for its next picture.
    """
    with open_image(path, limits=limits) as image:
        seek(image, frame=frame, limits=limits)
        image.draft(None, (side, side))
        return upright_rgb(image)


@contextmanager
def _regular_file(path: Path) -> Iterator[BinaryIO]:
    descriptor = _descriptor(path)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ImageRefused(Reason.UNREADABLE, f"{path} is not a regular file")
    with os.fdopen(descriptor, "rb") as file:
        yield file


@_refusals()
def _descriptor(path: Path) -> int:
    # O_NONBLOCK: a named pipe would else hold the process until somebody writes.
    try:
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ImageRefused(Reason.FILE_MISSING, f"{path} is not there; was it moved or removed?") from error


def _content(file: BinaryIO) -> BinaryIO:
    """All bytes of a file, in memory: a read of what a header states, 4 GB perhaps, then ends with the file.

    Reading from disk, Python makes room for all that is asked for, and the refusal would blame the memory.
    """
    file.seek(0)
    return io.BytesIO(file.read())


@_refusals()
def _opened(file: BinaryIO, *, name: str, limits: DecodeLimits) -> ImageFile.ImageFile:
    # Pillow raises at twice its limit and warns at once it. MPO, TIFF and WebP ask for it before we can.
    Image.MAX_IMAGE_PIXELS = (limits.max_pixels + 1) // 2
    try:
        return Image.open(file, formats=[name])
    except UnidentifiedImageError as error:
        raise ImageRefused(Reason.UNREADABLE, f"it starts as {name} and goes on as something else") from error


def _checked_format(file: BinaryIO, *, limits: DecodeLimits) -> str:
    size = os.fstat(file.fileno()).st_size
    if size > limits.max_bytes:
        raise ImageRefused(Reason.TOO_LARGE, f"found {size} bytes; at most {limits.max_bytes} are accepted")
    head = file.read(HEAD_BYTES)
    name = sniff(head)
    if name is None or name not in limits.formats:
        raise format_refusal(name or (f"bytes {head[:8].hex(' ')}" if head else "an empty file"), limits=limits)
    if name == "WEBP" and (stated := 8 + int.from_bytes(head[4:8], "little")) > size + 1:
        raise ImageRefused(Reason.TRUNCATED, f"the file states {stated} bytes and has {size}")
    return name


def _reason(error: BaseException) -> Reason:
    """Tell a file that ends too early, and a codec that ran out of memory, from a broken file."""
    text = str(error).lower()
    if "out of memory" in text or "cannot allocate" in text:
        return Reason.OUT_OF_MEMORY
    ends_early = isinstance(error, EOFError) or "truncat" in text or "no data found" in text
    return Reason.TRUNCATED if ends_early else Reason.UNREADABLE


def _orientation(image: Image.Image) -> int:
    """EXIF orientation 1 to 8; a broken EXIF block turns nothing."""
    try:
        found = image.getexif().get(ExifTags.Base.Orientation, 1)
    except BAD_BYTES:
        return 1
    return found if isinstance(found, int) else 1


def _rgb(image: Image.Image, *, ground: Colour) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode in _SUPPORTED_AS:
        image = image.convert(_SUPPORTED_AS[image.mode][0]).convert(_SUPPORTED_AS[image.mode][-1])
    if image.mode.startswith("I;16"):
        return image.point(lambda value: value * (1 / 256)).convert("L").convert("RGB")
    if image.mode in ("I", "F"):
        return _stretched(image).convert("RGB")
    if image.has_transparency_data:
        # A conversion to the same mode would copy: 200 MB of the largest picture.
        return _on_ground(image if image.mode == "RGBA" else image.convert("RGBA"), ground=ground)
    return image.convert("RGB")


def _load(image: ImageFile.ImageFile) -> None:
    """Decode the current frame, and give back what these two plug-ins hold besides: 600 MB of the largest WebP."""
    image.load()
    if image.format not in ("WEBP", "AVIF"):
        return
    if image.fp:
        image.fp.close()  # the frame once more, as bytes
    if getattr(image, "n_frames", 1) == 1:
        image._decoder = None  # type: ignore[attr-defined]


def _on_ground(image: Image.Image, *, ground: Colour) -> Image.Image:
    picture = Image.new("RGB", image.size, ground)
    picture.paste(image, mask=image)
    return picture


def _stretched(image: Image.Image) -> Image.Image:
    extrema = image.getextrema()
    least, greatest = float(extrema[0]), float(extrema[1])  # type: ignore[arg-type]
    if not least < greatest:  # one flat value, or not a number
        return Image.new("L", image.size)
    scale = 255 / (greatest - least)
    return image.point(lambda value: value * scale - least * scale).convert("L")
