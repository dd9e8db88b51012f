"""Builders of real image files, and a rendition of one frame."""

import struct
import zlib
from pathlib import Path
from typing import Any

from PIL import Image

from moderation.decoding.rendition_sizes import ORDINARY, RenditionSize
from moderation.decoding.sandbox import Rendition, Sandbox
from moderation.decoding.views import WHOLE, appearance_of
from moderation.demo.heic import heic

RED, BLACK, WHITE, BLUE = (255, 0, 0), (0, 0, 0), (255, 255, 255), (0, 0, 255)

#: Suffix -> Pillow's name of the format. MPO needs two pictures.
FORMATS = {
    "jpg": "JPEG", "png": "PNG", "webp": "WEBP", "gif": "GIF", "avif": "AVIF", "heic": "HEIF", "bmp": "BMP",
    "tiff": "TIFF", "mpo": "MPO",
}  # fmt: skip


def plain(colour: Any = RED, *, size: tuple[int, int] = (64, 48), mode: str = "RGB") -> Image.Image:
    return Image.new(mode, size, colour)


def top_red(*, size: tuple[int, int] = (64, 48)) -> Image.Image:
    """Red above, black below, so that a test can see which way is up."""
    image = Image.new("RGB", size)
    image.paste(RED, (0, 0, size[0], size[1] // 2))
    return image


def write(path: Path, image: Image.Image | None = None, **options: Any) -> Path:
    """Save in the format that the suffix names."""
    image = image or plain()
    if path.suffix == ".mpo":
        options = {"save_all": True, "append_images": [image], **options}
    if path.suffix == ".heic":
        path.write_bytes(heic(image, **options))
        return path
    image.save(path, FORMATS[path.suffix[1:]], **options)
    return path


def write_frames(path: Path, frames: list[Image.Image], **options: Any) -> Path:
    return write(path, frames[0], save_all=True, append_images=frames[1:], **options)


def one_red_of(count: int, *, at: int) -> list[Image.Image]:
    """Dark frames, all different so that no encoder merges them, and a red one at index ``at``."""
    frames = [plain((0, 100 * (index % 3), 37 * index % 256)) for index in range(count)]
    frames[at] = plain(RED)
    return frames


def bomb_png(path: Path, *, width: int, height: int) -> Path:
    """A PNG file of some hundred bytes that states a huge size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks))
    return path


def render(
    sandbox: Sandbox, path: Path, *, frame: int = 0, view: int = WHOLE, size: RenditionSize = ORDINARY
) -> Rendition:
    """Render one frame in the appearance of ``view``."""
    (rendition,) = sandbox.render_all(path, wanted=[(frame, appearance_of(view))], size=size)
    return rendition


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
