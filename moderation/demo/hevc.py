"""HEVC pictures without an encoder: every block holds its samples as they are (``pcm_flag`` of ITU-T H.265).

Encoders of HEVC come under licences that the product does not take on. Files made so are large and exact. Each block of
32 x 32 samples is a slice of its own, so that arithmetic coding starts anew in it and always writes the same bits.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

BLOCK = 32

_VPS, _SPS, _PPS, _IDR_SLICE = 32, 33, 34, 20
#: The arithmetic coder's bits for one unpartitioned block (part_mode) of samples (pcm_flag), and for the slice's end.
_BEFORE_SAMPLES, _AFTER_SAMPLES = "100001101", "111111101"
#: Profile Main, level 6.2, as the parameter sets and the container state it.
PROFILE = bytes([0x01, 0x60, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 186])


@dataclass(frozen=True)
class CodedPicture:
    """A picture as the units of an HEVC stream."""

    parameter_sets: tuple[bytes, bytes, bytes]
    slices: tuple[bytes, ...]


def coded(picture: Image.Image) -> CodedPicture:
    """Code an RGB picture as YCbCr 4:2:0, BT.601 in the full range."""
    width, height = (-(-side // BLOCK) * BLOCK for side in picture.size)
    sets = (_video_parameters(), _sequence_parameters(picture.size, (width, height)), _picture_parameters())
    padded = Image.new("RGB", (width, height))
    padded.paste(picture.convert("RGB"))
    return CodedPicture(sets, tuple(_slices(padded)))


def _slices(picture: Image.Image) -> Iterator[bytes]:
    luma, *chroma = picture.convert("YCbCr").split()
    planes = [luma, *(plane.reduce(2) for plane in chroma)]
    across, down = picture.width // BLOCK, picture.height // BLOCK
    address_bits = (across * down - 1).bit_length()
    for number in range(across * down):
        left, top = number % across * BLOCK, number // across * BLOCK
        samples = b"".join(
            plane.crop((left // by, top // by, (left + BLOCK) // by, (top + BLOCK) // by)).tobytes()
            for plane, by in zip(planes, (1, 2, 2), strict=True)
        )
        address = f"{number:0{address_bits}b}" if number else ""
        # First slice or not, no earlier pictures, picture parameters 0, address, type I, no change of quantisation.
        header = f"{int(number == 0)}0" + _ue(0) + address + _ue(2) + _ue(0)
        before = _aligned(_aligned(header + "1") + _BEFORE_SAMPLES)
        yield _unit(_IDR_SLICE, _bytes(before) + samples + _bytes(_aligned(_AFTER_SAMPLES)))


def _video_parameters() -> bytes:
    # Id, base layer, layers, sub-layers, nesting, reserved.
    head = "0000" + "11" + "000000" + "000" + "1" + "1" * 16
    return _parameters(_VPS, head + _bits(PROFILE) + "1" + _ue(0) * 3 + "000000" + _ue(0) + "00")


def _sequence_parameters(shown: tuple[int, int], stored: tuple[int, int]) -> bytes:
    right, bottom = ((whole - part) // 2 for whole, part in zip(stored, shown, strict=True))
    crop = "1" + _ue(0) + _ue(right) + _ue(0) + _ue(bottom)
    sizes = _ue(2) + _ue(0) + _ue(0) + _ue(3) + _ue(0) * 2  # coding blocks of 32, transform blocks of 4 to 32
    samples = "1" + "0111" * 2 + _ue(2) + _ue(0) + "1"  # of 8 bits, in blocks of 32, without loop filter
    return _parameters(
        _SPS,
        "0000" + "000" + "1" + _bits(PROFILE) + _ue(0) + _ue(1) + _ue(stored[0]) + _ue(stored[1]) + crop
        + _ue(0) * 3 + "1" + _ue(0) * 3 + sizes + "000" + samples + _ue(0) + "00000",
    )  # fmt: skip


def _picture_parameters() -> bytes:
    flags = "0" + "0" + "000" + "0" + "0" + _ue(0) * 2 + _ue(0) + "000" + _ue(0) * 2 + "0" * 7
    no_deblocking = "1" + "0" + "1"
    return _parameters(_PPS, _ue(0) * 2 + flags + no_deblocking + "00" + _ue(0) + "00")


def _parameters(kind: int, bits: str) -> bytes:
    return _unit(kind, _bytes(_aligned(bits + "1")))


def _unit(kind: int, content: bytes) -> bytes:
    # A byte 3 keeps two zeros from being taken for the start of a unit.
    return bytes([kind << 1, 1]) + re.sub(rb"\0\0(?=[\0-\3])", b"\0\0\3", content)


def _ue(value: int) -> str:
    """Return the Exp-Golomb code of ``value``, ue(v) of the standard."""
    digits = f"{value + 1:b}"
    return "0" * (len(digits) - 1) + digits


def _bits(content: bytes) -> str:
    return "".join(f"{byte:08b}" for byte in content)


def _aligned(bits: str) -> str:
    return bits + "0" * (-len(bits) % 8)


def _bytes(bits: str) -> bytes:
    return int(bits, 2).to_bytes(len(bits) // 8, "big")
