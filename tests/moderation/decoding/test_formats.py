"""Formats are recognised by their first bytes alone."""

from pathlib import Path

import pytest

from moderation.decoding.images import ALLOWED_FORMATS, HEAD_BYTES, sniff
from tests.moderation.decoding.pictures import FORMATS, write

NOT_ALLOWED = {
    "empty": b"",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "pdf": b"%PDF-1.7\n",
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "text that starts like BMP": b"BMX bicycles are for sale here, cheap and red",
    "icon": b"\0\0\1\0\1\0\x10\x10",
    "mp4": b"\0\0\0\x18ftypisom\0\0\0\0isomiso2",
    "jpeg 2000": b"\0\0\0\x0cjP  \r\n\x87\n",
    "a wave": b"RIFF\x24\0\0\0WAVEfmt ",
}


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_allowed_format_is_recognised_by_its_first_bytes(suffix: str, tmp_path: Path) -> None:
    head = write(tmp_path / f"a.{suffix}").read_bytes()[:HEAD_BYTES]
    # A file of several JPEG pictures starts as the first of them does.
    assert sniff(head) == {"mpo": "JPEG"}.get(suffix, FORMATS[suffix])


@pytest.mark.parametrize("head", NOT_ALLOWED.values(), ids=list(NOT_ALLOWED))
def test_no_other_format_is_recognised(head: bytes) -> None:
    assert sniff(head) is None


def test_avif_by_a_compatible_brand() -> None:
    assert sniff(b"\0\0\0\x1cftypmif1\0\0\0\0miafavif") == "AVIF"


def test_brands_end_where_their_box_ends() -> None:
    assert sniff(b"\0\0\0\x14ftypisom\0\0\0\0iso2" + b"avif") is None


@pytest.mark.parametrize(
    ("brands", "found"),
    [(b"heic", "HEIF"), (b"heixmif1", "HEIF"), (b"mif1heic", "HEIF"), (b"mif1", "HEIF"), (b"mif1avif", "AVIF"),
     (b"heicavif", "HEIF"), (b"avifheic", "AVIF"), (b"isomheic", "HEIF")],
)  # fmt: skip
def test_the_first_brand_that_names_a_coding_counts(brands: bytes, found: str) -> None:
    own, others = brands[:4], brands[4:]
    assert sniff(bytes([0, 0, 0, 16 + len(others)]) + b"ftyp" + own + bytes(4) + others) == found


@pytest.mark.parametrize("magic", [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"])
def test_tiff_in_either_byte_order_and_size(magic: bytes) -> None:
    assert sniff(magic + b"\0" * 8) == "TIFF"


def test_the_tests_cover_all_formats() -> None:
    assert set(FORMATS.values()) == set(ALLOWED_FORMATS)
