"""BMP files with channels at any bits, which browsers draw and Pillow refuses. Runs in the decode process."""

import io
import struct

import numpy as np
from numpy.typing import NDArray
from PIL import BmpImagePlugin

#: Compressions whose pixels are divided into channels by masks; the second one is Windows CE's, with alpha.
_BIT_FIELDS, _ALPHA_BIT_FIELDS = 3, 6
#: Bytes of the file's own header, of the usual second header, behind which the masks are, and of one with alpha's.
_FILE_HEADER, _INFO_HEADER, _WITH_ALPHA = 14, 40, 56
#: Of red, green, blue and alpha, as Pillow knows them.
_USUAL_MASKS = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
_TYPES = {16: "<u2", 32: "<u4"}


class BmpFile(BmpImagePlugin.BmpImageFile):
    """A BMP file. Masks that Pillow does not know are applied."""

    def _open(self) -> None:
        assert self.fp is not None
        try:
            super()._open()
        except OSError as refusal:
            self.fp.seek(0)
            converted = _with_usual_masks(self.fp.read())
            if converted is None:
                raise refusal from None
            self.fp = io.BytesIO(converted)
            super()._open()


def _with_usual_masks(file: bytes) -> bytes | None:
    """Return the same picture with eight bits a channel; None if it has no masks, or fewer pixels than stated."""
    if len(file) < _FILE_HEADER + _WITH_ALPHA:
        return None
    (start,) = struct.unpack_from("<I", file, 10)
    header, width, height, _, bits, compression = struct.unpack_from("<IiiHHI", file, _FILE_HEADER)
    if compression not in (_BIT_FIELDS, _ALPHA_BIT_FIELDS) or bits not in _TYPES or header < _INFO_HEADER or width <= 0:
        return None
    masks = [mask & (1 << bits) - 1 for mask in _masks(file, header=header, compression=compression)]
    stride = (width * bits // 8 + 3) // 4 * 4
    if not height or start + stride * abs(height) > len(file):
        return None
    rows = np.frombuffer(file, np.uint8, stride * abs(height), start).reshape(abs(height), stride)
    numbers = rows[:, : width * bits // 8].copy().view(_TYPES[bits])
    red, green, blue, alpha = (_channel(numbers, mask) for mask in masks)
    # Many programs write no alpha although they reserve its bits.
    pixels = np.stack([blue, green, red, alpha if alpha.any() else np.full_like(alpha, 255)], axis=-1).tobytes()
    info = struct.pack("<IiiHHIIiiII", _WITH_ALPHA, width, height, 1, 32, _BIT_FIELDS, len(pixels), 0, 0, 0, 0)
    info += struct.pack("<4I", *_USUAL_MASKS)
    begins = _FILE_HEADER + len(info)
    return b"BM" + struct.pack("<IHHI", begins + len(pixels), 0, 0, begins) + info + pixels


def _masks(file: bytes, *, header: int, compression: int) -> tuple[int, int, int, int]:
    red, green, blue, alpha = struct.unpack_from("<4I", file, _FILE_HEADER + _INFO_HEADER)
    return red, green, blue, alpha if compression == _ALPHA_BIT_FIELDS or header >= _WITH_ALPHA else 0


def _channel(numbers: NDArray[np.unsignedinteger], mask: int) -> NDArray[np.uint8]:
    """Return one channel in eight bits: its greatest value is 255."""
    if not mask:  # also without a mask for alpha
        return np.zeros(numbers.shape, np.uint8)
    shift = (mask & -mask).bit_length() - 1
    greatest = mask >> shift
    values = ((numbers & mask) >> shift).astype(np.float32)
    channel: NDArray[np.uint8] = np.minimum(np.rint(values * (255 / greatest)), 255).astype(np.uint8)
    return channel
