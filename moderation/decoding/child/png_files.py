"""PNG files and their animations, read as browsers read them. Runs in the decode process.

Pillow draws the picture that is stored for programs without animations as the first frame, ignores an animation after
some wrong chunks, and fills disposed regions of opaque pictures with black. Here the animation's own frames are drawn
on a transparent canvas, and the other picture is available separately.
"""

import io
import struct
import zlib
from typing import Any

from PIL import Image, ImageFile, PngImagePlugin

from moderation.decoding.child import png_chunks
from moderation.decoding.child.png_chunks import FrameControl, chunk

_TO_TRANSPARENT, _TO_PREVIOUS = 1, 2
#: Chunks before the pixels that a frame needs to be decoded.
_NEEDED = (b"PLTE", b"tRNS")
#: Bytes that are inflated at once, and how many times: more than the largest picture has.
_PIECE, _MOST_PIECES = 1_000_000, 1_000
#: Facts that browsers do not read behind the pixels.
_LEADING = ("icc_profile", "transparency")


class PngFile(PngImagePlugin.PngImageFile):
    """A PNG file.

    Attributes:
        encoding: of the colours, stated by other chunks than an ICC profile.
        leading_exif: the EXIF block before the pixels, with its header.
        has_unread_frames: whether frames are stored that browsers do not play.
        stated_frames: the number of frames that the file states, perhaps more than it stores.
    """

    def _open(self) -> None:
        assert self.fp is not None
        file = self.fp.read()
        found = list(png_chunks.chunks(file))
        self._read_leading(file, found)
        self._controls = self._animation(file, found)
        self.fp = io.BytesIO(_still(file, found) if self._controls or _is_cut_behind(file, found) else file)
        super()._open()
        if self._goes_before_profile:
            self.info.pop("icc_profile", None)
        if self._controls:
            self._start_animation(file)

    def _read_leading(self, file: bytes, found: list[png_chunks.PngChunk]) -> None:
        leading = dict[bytes, bytes]()
        for each in found:
            if each.name == b"IDAT":
                break
            leading.setdefault(each.name, file[each.content])
        self.encoding, self._goes_before_profile = png_chunks.encoding_of(leading)
        self.leading_exif = b"Exif\0\0" + leading[b"eXIf"] if b"eXIf" in leading else b""
        self._head = {name: leading[name] for name in (b"IHDR", *_NEEDED) if name in leading}

    def _animation(self, file: bytes, found: list[png_chunks.PngChunk]) -> list[FrameControl]:
        names = [each.name for each in found]
        states = next((file[each.content] for each in found if each.name == b"acTL"), b"")
        stored = b"fdAT" in names or names.count(b"fcTL") > 1
        is_played = (
            b"IDAT" in names
            and b"acTL" in names[: names.index(b"IDAT")]
            and len(states) == 8
            and 0 < int.from_bytes(states[:4]) <= 2**31
            and names[0] == b"IHDR"
        )
        self.has_unread_frames = stored and not is_played
        self.stated_frames = int.from_bytes(states[:4]) if is_played else 1
        frames = png_chunks.frames_of(file, found) if is_played else []
        self._still_is_first = bool(frames) and names.index(b"fcTL") < names.index(b"IDAT")
        return frames

    def _start_animation(self, file: bytes) -> None:
        self._file, self._still, self._drawn = file, self.fp, -1
        self._canvas = Image.new("RGBA", (0, 0))
        self._covered: Image.Image | None = None
        self.n_frames, self.is_animated = len(self._controls), len(self._controls) > 1
        self._wanted = 0
        self._mode, self.tile = "RGBA", []
        self.info.pop("transparency", None)

    def still(self) -> ImageFile.ImageFile | None:
        """Return the picture for programs without animations, if it is not a frame of the animation."""
        if not self._controls or self._still_is_first:
            return None
        assert self._still is not None
        self._still.seek(0)
        return PngImagePlugin.PngImageFile(self._still)

    def seek(self, frame: int) -> None:
        if not self._controls:
            super().seek(frame)
        elif 0 <= frame < self.n_frames:
            self._wanted = frame
        else:
            raise EOFError("no more frames in the PNG file")

    def tell(self) -> int:
        return self._wanted if self._controls else super().tell()

    def load(self) -> Any:
        if not self._controls:
            return super().load()
        if self._wanted < self._drawn:
            self._drawn = -1
        while self._drawn < self._wanted:
            self._draw_next()
        return Image.Image.load(self)

    def load_end(self) -> None:
        leading = {name: self.info.get(name) for name in _LEADING}
        super().load_end()
        for name, value in leading.items():
            if value is None:
                self.info.pop(name, None)
            else:
                self.info[name] = value

    def _draw_next(self) -> None:
        """Draw the next frame on what the frame before left."""
        self._drawn += 1
        control = self._controls[self._drawn]
        if self._drawn == 0:
            self._canvas = Image.new("RGBA", self.size)
        else:
            self._dispose(self._controls[self._drawn - 1])
        self._covered = self._canvas.crop(control.box) if control.disposal == _TO_PREVIOUS else None
        piece = self._piece(control)
        if control.blends:
            self._canvas.alpha_composite(piece, (control.left, control.top))
        else:
            self._canvas.paste(piece, control.box)
        self.im = self._canvas.im

    def _dispose(self, control: FrameControl) -> None:
        if control.disposal == _TO_TRANSPARENT:
            self._canvas.paste((0, 0, 0, 0), control.box)
        elif self._covered is not None:
            self._canvas.paste(self._covered, control.box)

    def _piece(self, control: FrameControl) -> Image.Image:
        """Decode the pixels of one frame."""
        size = struct.pack(">II", control.width, control.height)
        head = chunk(b"IHDR", size + self._head[b"IHDR"][8:])
        rest = b"".join(chunk(name, self._head[name]) for name in _NEEDED if name in self._head)
        pixels = chunk(b"IDAT", b"".join(self._file[place] for place in control.pixels))
        file = io.BytesIO(png_chunks.SIGNATURE + head + rest + pixels + chunk(b"IEND"))
        piece: Image.Image = PngImagePlugin.PngImageFile(file)
        if piece.mode == "I;16":  # which Pillow converts to few other modes
            piece = piece.point(lambda value: value * (1 / 256)).convert("L")
        return piece.convert("RGBA")


def _is_cut_behind(file: bytes, found: list[png_chunks.PngChunk]) -> bool:
    """Whether the file ends within a chunk behind the pixels, so that the picture is complete."""
    pixels = [each.content for each in found if each.name == b"IDAT"]
    if not pixels or found[-1].name == b"IEND" or found[-1].whole.stop + 8 > len(file):
        return False
    cut = file[found[-1].whole.stop + 4 :][:4]
    return _are_complete(file, pixels) if cut == b"IDAT" else cut != b"fdAT"


def _are_complete(file: bytes, pixels: list[slice]) -> bool:
    """Whether the compressed pixels reach their own end."""
    inflater = zlib.decompressobj()
    rest = b"".join(file[place] for place in pixels)
    try:
        for _ in range(_MOST_PIECES):
            inflater.decompress(rest, _PIECE)
            rest = inflater.unconsumed_tail
            if inflater.eof or not rest:
                break
    except zlib.error:
        return False
    return inflater.eof


def _still(file: bytes, found: list[png_chunks.PngChunk]) -> bytes:
    """Return the file without its animation, and with an end."""
    kept = (file[each.whole] for each in found if each.name not in (*png_chunks.ANIMATION, b"IEND"))
    return png_chunks.SIGNATURE + b"".join(kept) + chunk(b"IEND")
