"""Decode files into upright RGB pictures. Runs in the decode process; uploads are opened nowhere else.

How modes become RGB, so that a score can be explained:

* colours are converted to sRGB by the file's profile, gamma or code points, as browsers do (``colours``);
* then transparency of any kind (RGBA, LA, PA, palettes and tRNS) is composed onto ``BACKGROUND``;
* CMYK, YCbCr, HSV, L, 1 and P without a profile are converted by Pillow;
* 16-bit grey is divided by 256; 32-bit integers and floats, which state no range, are stretched from their
  least to their greatest value;
* LAB is converted to sRGB by LittleCMS;
* modes that Pillow does not convert are refused as unreadable.
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

# Every plug-in that may open a file. If one were missing here, Pillow would load all its plug-ins.
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

from moderation.decoding import foreign_formats
from moderation.decoding.child import colours, frames, orientation
from moderation.decoding.child.avif_files import AvifFile
from moderation.decoding.child.bmp_files import BmpFile
from moderation.decoding.child.gif_files import GifFile
from moderation.decoding.child.heif_files import HeifFile
from moderation.decoding.child.png_files import PngFile
from moderation.decoding.images import HEAD_BYTES, DecodeLimits, Header, ImageRefused, Reason, format_refusal, sniff

Colour = tuple[int, int, int]

#: Transparent pixels are composed onto white, as on most pages; ``renderings`` composes them onto black as well.
BACKGROUND: Colour = (255, 255, 255)

# Threads would reserve address space, which is limited; the pre-screen runs one process for each core anyway.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1

#: Exceptions of Pillow's plug-ins for unexpected bytes.
BAD_BYTES = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, AssertionError,
    EOFError, RuntimeError, BufferError, struct.error, zlib.error,
)  # fmt: skip

#: Modes that Pillow converts to few others -> the first and the last mode of a conversion that works.
_SUPPORTED_AS = {"I;16B": ("I", "I;16"), "La": ("LA",), "RGBa": ("RGBA",)}

#: Formats whose files are read as browsers read them, where Pillow's own plug-ins differ.
_READERS: dict[str, type[ImageFile.ImageFile]] = {
    "AVIF": AvifFile, "BMP": BmpFile, "GIF": GifFile, "HEIF": HeifFile, "PNG": PngFile,
}  # fmt: skip


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn Pillow's exceptions into refusals."""
    try:
        yield
    except ImageRefused:
        raise
    except MemoryError as error:
        raise ImageRefused(Reason.OUT_OF_MEMORY, "decoding the image takes more memory than is allowed") from error
    except Image.DecompressionBombError as error:
        raise ImageRefused(Reason.TOO_MANY_PIXELS, str(error)) from error
    except BAD_BYTES as error:
        raise ImageRefused(_reason(error), f"{type(error).__name__}: {error}"[:300]) from error


@contextmanager
def open_image(path: Path, *, limits: DecodeLimits) -> Iterator[ImageFile.ImageFile]:
    """Open one file with the plug-in for its first bytes, without loading pixels.

    Raises:
        ImageRefused: the file is missing, not allowed, too large, or not of the format that it starts as.
    """
    with _regular_file(path) as file:
        name = _checked_format(file, limits=limits)
        with _opened(_content(file), name=name, limits=limits) as image:
            if image.format not in limits.formats:
                raise format_refusal(f"a {image.format} picture", limits=limits)
            frames.check_pixels(image, limits=limits)
            yield image


@_refusals()
def read_header(image: ImageFile.ImageFile, *, limits: DecodeLimits) -> Header:
    """Read the facts that the file states. Counting the frames of a GIF or TIFF file walks through it.

    Raises:
        ImageRefused: the file has more frames than may be counted or composed.
    """
    return Header(str(image.format), image.width, image.height, frames.count(image, limits=limits))


@_refusals()
def seek(image: ImageFile.ImageFile, *, frame: int, limits: DecodeLimits) -> None:
    """Go to a frame, which may differ in size from the others."""
    frames.reach(image, frame=frame, limits=limits)


@_refusals()
def upright_rgb(
    image: ImageFile.ImageFile, *, ground: Colour = BACKGROUND, managed: bool = True, opaque: bool = False
) -> Image.Image:
    """Decode the current frame as browsers show it: upright sRGB on ``ground``, without metadata.

    Without ``managed``, colours are not converted. With ``opaque``, those show that transparency hides.
    """
    load(image)
    picture = _rgb(image, ground=ground, managed=managed, opaque=opaque)
    picture = image.copy() if picture is image else picture
    picture.info = {}
    return turned_upright(image, picture)


def turned_upright(image: Image.Image, picture: Image.Image) -> Image.Image:
    """Return ``picture`` turned as browsers turn ``image``."""
    return orientation.turned(picture, orientation=orientation.in_browsers(image))


def turned_back(image: Image.Image, picture: Image.Image) -> Image.Image:
    """Return an upright ``picture`` as its file stores it: the opposite of ``turned_upright``."""
    return orientation.turned_back(picture, orientation=orientation.in_browsers(image))


def draft(path: Path, *, frame: int, side: int, limits: DecodeLimits) -> ImageFile.ImageFile:
    """Load a JPEG file at the smallest scale that keeps both sides >= ``side``.

    The file is opened again, because a Pillow image accepts only one draft and MPO would keep it for its next picture.
    """
    with open_image(path, limits=limits) as image:
        seek(image, frame=frame, limits=limits)
        image.draft(None, (side, side))
        load(image)
        return image


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
    # O_NONBLOCK: otherwise a named pipe would block the process until something writes to it.
    try:
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ImageRefused(Reason.FILE_MISSING, f"{path} does not exist; was it moved or removed?") from error


def _content(file: BinaryIO) -> BinaryIO:
    """Return all bytes of a file in memory, where a read of a length stated in a header ends with the file.

    For a read from disk, Python allocates the whole length, perhaps 4 GB, and memory would be blamed for the refusal.
    """
    file.seek(0)
    return io.BytesIO(file.read())


@_refusals()
def _opened(file: BinaryIO, *, name: str, limits: DecodeLimits) -> ImageFile.ImageFile:
    # Pillow warns from its limit on and raises from twice its limit on. MPO, TIFF and WebP check it while they open.
    Image.MAX_IMAGE_PIXELS = (limits.max_pixels + 1) // 2
    try:
        return _read_as_browsers(file, name=name) if name in _READERS else Image.open(file, formats=[name])
    except (UnidentifiedImageError, SyntaxError, IndexError, TypeError, struct.error) as error:
        raise ImageRefused(Reason.UNREADABLE, f"the file starts as {name} but is not a valid {name} file") from error


def _read_as_browsers(file: BinaryIO, *, name: str) -> ImageFile.ImageFile:
    accepts = Image.OPEN[name][1] if name in Image.OPEN else None
    if accepts and accepts(file.read(16)) is not True:
        raise UnidentifiedImageError(f"not recognised as {name}")
    file.seek(0)
    return _READERS[name](file)


def _checked_format(file: BinaryIO, *, limits: DecodeLimits) -> str:
    size = os.fstat(file.fileno()).st_size
    if size > limits.max_bytes:
        raise ImageRefused(Reason.TOO_LARGE, f"found {size} bytes; at most {limits.max_bytes} are accepted")
    head = file.read(HEAD_BYTES)
    name = sniff(head)
    if name is None or name not in limits.formats:
        raise format_refusal(f"a {name} picture" if name else foreign_formats.name_of(head), limits=limits)
    if name == "WEBP" and (stated := 8 + int.from_bytes(head[4:8], "little")) > size + 1:
        raise ImageRefused(Reason.TRUNCATED, f"the file states {stated} bytes and has {size}")
    return name


def _reason(error: BaseException) -> Reason:
    """Distinguish a file that ends too early, or a codec without memory, from a broken file."""
    text = str(error).lower()
    if "out of memory" in text or "cannot allocate" in text:
        return Reason.OUT_OF_MEMORY
    ends_early = isinstance(error, EOFError) or "truncat" in text or "no data found" in text
    return Reason.TRUNCATED if ends_early else Reason.UNREADABLE


def is_see_through(image: Image.Image) -> bool:
    """Whether some pixel of the decoded frame is not opaque."""
    if not image.has_transparency_data:
        return False
    return image.mode != "RGBA" or image.getchannel("A").getextrema()[0] != 255


def is_managed(image: Image.Image) -> bool:
    """Whether browsers convert the colours of the frame."""
    return colours.are_converted(image)


def _rgb(image: Image.Image, *, ground: Colour, managed: bool, opaque: bool) -> Image.Image:
    shown = colours.in_browsers(image, as_rgb=lambda: _opaque(image)) if managed else None
    if opaque or not image.has_transparency_data:
        return _opaque(image) if shown is None else shown
    # A conversion to the same mode would copy the pixels, 200 MB for the largest picture.
    see_through = image if image.mode == "RGBA" else _convertible(image).convert("RGBA")
    return _on_ground(see_through if shown is None else shown, mask=see_through, ground=ground)


def _opaque(image: Image.Image) -> Image.Image:
    """Return the stored colours, without transparency; the image itself if it is RGB."""
    image = _convertible(image)
    if image.mode.startswith("I;16"):
        return image.point(lambda value: value * (1 / 256)).convert("L").convert("RGB")
    if image.mode in ("I", "F"):
        return _stretched(image).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _convertible(image: Image.Image) -> Image.Image:
    """Return the image in a mode that Pillow can convert."""
    if image.mode not in _SUPPORTED_AS:
        return image
    return image.convert(_SUPPORTED_AS[image.mode][0]).convert(_SUPPORTED_AS[image.mode][-1])


def without_transparency(image: Image.Image) -> Image.Image:
    """Return the luminance of a decoded frame with transparency, in which every pixel is opaque."""
    return _convertible(image).convert("L")


@_refusals()
def load(image: ImageFile.ImageFile) -> None:
    """Decode the current frame, and free the memory that WebP and AVIF keep besides: 600 MB for the largest WebP."""
    image.load()
    if image.format not in ("WEBP", "AVIF"):
        return
    if image.fp:
        image.fp.close()  # holds the frame a second time, as bytes
    if getattr(image, "n_frames", 1) == 1:
        image._decoder = None  # type: ignore[attr-defined]


def _on_ground(image: Image.Image, *, mask: Image.Image, ground: Colour) -> Image.Image:
    picture = Image.new("RGB", image.size, ground)
    picture.paste(image, mask=mask)
    return picture


def _stretched(image: Image.Image) -> Image.Image:
    extrema = image.getextrema()
    least, greatest = float(extrema[0]), float(extrema[1])  # type: ignore[arg-type]
    if not least < greatest:  # a single value, or not a number
        return Image.new("L", image.size)
    scale = 255 / (greatest - least)
    return image.point(lambda value: value * scale - least * scale).convert("L")
