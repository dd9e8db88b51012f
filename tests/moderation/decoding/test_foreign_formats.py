"""A file that is not accepted is called by its name."""

import gzip
import io
import struct
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from moderation.decoding.foreign_formats import UNKNOWN, name_of
from moderation.decoding.images import HEAD_BYTES, sniff
from tests.factories import image_bytes


def picture(fmt: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 64), "teal").save(out, fmt, **options)
    return out.getvalue()


def archive(*names: str, first: bytes = b"") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        if first:
            file.writestr("mimetype", first)
        for name in names:
            file.writestr(name, "")
    return out.getvalue()


def media(brand: bytes, *others: bytes) -> bytes:
    return struct.pack(">I4s4sI", 16 + 4 * len(others), b"ftyp", brand, 0) + b"".join(others) + b"\0\0\0\x08mdat"


def tiff(*tags: tuple[int, int], order: str = "<") -> bytes:
    """Compose a TIFF file's header and first directory."""
    entries = b"".join(struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in tags)
    head = struct.pack(f"{order}2sHI", b"II" if order == "<" else b"MM", 42, 8)
    return head + struct.pack(f"{order}H", len(tags)) + entries + bytes(4)


NAMED = [
    (b"", "an empty file"),
    (bytes(600), "a file that starts with nothing but zeros"),
    (b"%PDF-1.7 and more", "a PDF document"),
    (b"\n\xef\xbb\xbf %PDF-1.4", "a PDF document"),
    (media(b"isom", b"avc1"), "an MP4 video"),
    (media(b"qt  "), "a QuickTime video"),
    (b"\0\0\0\x08wide\0\0\0\x08mdat", "a QuickTime video"),
    (media(b"M4A "), "an M4A recording"),
    (media(b"crx "), "a camera raw picture"),
    (b"\xff\x0a\x7f\x01", "a JPEG XL picture"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture"),
    (picture("JPEG2000"), "a JPEG 2000 picture"),
    (picture("ICO"), "an icon (ICO)"),
    (picture("EPS"), "a PostScript document (EPS)"),
    (picture("PPM"), "a PNM picture"),
    (picture("DDS"), "a DirectDraw picture (DDS)"),
    (picture("PDF"), "a PDF document"),
    (b"8BPS\0\1", "a Photoshop document"),
    (b"II*\0\x10\0\0\0CR\2\0", "a camera raw picture"),
    (tiff((254, 1), (330, 900)), "a camera raw picture"),
    (tiff((254, 1), (330, 900), order=">"), "a camera raw picture"),
    (tiff((50706, 0x0401)), "a camera raw picture"),
    (b"IIRO\x08\0\0\0", "a camera raw picture"),
    (b"\x1a\x45\xdf\xa3\x9fB\x86", "a WebM or Matroska video"),
    (b"RIFF\0\0\0\0AVI LIST", "an AVI video"),
    (b"RIFF\0\0\0\0WAVEfmt ", "a WAV recording"),
    (b"ID3\4\0", "an MP3 recording"),
    (b"OggS\0\2", "an Ogg recording or video"),
    (archive("holiday.jpg"), "a ZIP archive"),
    (archive("[Content_Types].xml", "word/document.xml"), "an Office document"),
    (archive(first=b"application/vnd.oasis.opendocument.text"), "an OpenDocument file"),
    (archive(), "an empty ZIP archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Office document in its old format"),
    (gzip.compress(b"x"), "a gzip archive"),
    (b"MZ\x90\0", "a Windows program"),
    (b"\x7fELF\2\1", "a Linux program"),
    (b"#!/bin/sh\n", "a script"),
    (b"<svg/>", "an SVG drawing"),
    (b'<?xml version="1.0"?>\n<!-- drawn -->\n<svg xmlns="http://www.w3.org/2000/svg">', "an SVG drawing"),
    (b'<?xml version="1.0"?><feed/>', "an XML document"),
    (b"\xef\xbb\xbf<!DOCTYPE html><p>", "an HTML page"),
    (b"hello", "a plain text file"),
    ("é".encode() * 400, "a plain text file"),
    (("a" + "é" * 400).encode(), "a plain text file"),
    ("hello".encode("utf-16"), "a plain text file"),
    (b"\x07\x99\x01\x80\xf3", UNKNOWN),
]


@pytest.mark.parametrize(("content", "name"), NAMED, ids=[name for _, name in NAMED])
def test_a_foreign_format_is_called_by_its_name(content: bytes, name: str) -> None:
    head = content[:HEAD_BYTES]
    assert sniff(head) is None
    assert name_of(head) == name


@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "WEBP", "GIF", "AVIF", "BMP", "TIFF"])
def test_an_accepted_format_is_no_camera_raw(fmt: str) -> None:
    assert sniff(image_bytes(fmt=fmt)[:HEAD_BYTES]) == fmt


@pytest.mark.parametrize("tags", [[(254, 0), (330, 900)], [(254, 1)], [(330, 900)], []])
def test_a_tiff_file_with_its_own_first_picture_is_accepted(tags: list[tuple[int, int]]) -> None:
    assert sniff(tiff(*tags)) == "TIFF"


STARTS = [content[:12] for content, _ in NAMED]


@given(start=st.sampled_from(STARTS), rest=st.binary(max_size=HEAD_BYTES))
def test_any_bytes_have_a_name(start: bytes, rest: bytes) -> None:
    assert name_of(start + rest).isprintable()
