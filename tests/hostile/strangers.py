"""Files in formats that are not allowed, whatever their names, and images that are also another kind of file."""

import io
import zipfile

from tests.hostile import jpeg, png
from tests.hostile.case import (
    EMPTY,
    FORMAT_NOT_ALLOWED,
    SCORED,
    TOO_LARGE,
    UNREADABLE,
    Case,
    Cases,
)
from tests.hostile.seeds import encoded, noise, seeds

OTHER_IMAGES = (
    "ICO",
    "ICNS",
    "PCX",
    "PPM",
    "SGI",
    "TGA",
    "EPS",
    "PDF",
    "DDS",
    "JPEG2000",
    "XBM",
    "MSP",
    "DIB",
    "BLP",
)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!DOCTYPE html><script>alert(1)</script>"
STARTS = {
    "PSD": b"8BPS\0\1", "fits": b"SIMPLE  =", "exr": b"v/1\1", "HDF5": b"\x89HDF\r\n\x1a\n", "flif": b"FLIF44",
    "qoi": b"qoif", "jxl": b"\xff\x0a", "jxl boxes": b"\0\0\0\x0cJXL \r\n\x87\n", "wmf": b"\xd7\xcd\xc6\x9a",
    "emf": b"\1\0\0\0\x6c\0\0\0", "elf": b"\x7fELF", "exe": b"MZ\x90\0", "gzip": b"\x1f\x8b\x08", "xz": b"\xfd7zXZ\0",
    "postscript": b"%!PS-Adobe-3.0", "shell": b"#!/bin/sh\n", "python pickle": b"\x80\x05\x95", "mpeg": b"\0\0\1\xba",
    "bpg": b"BPG\xfb", "xpm": b"/* XPM */", "xcf": b"gimp xcf", "dcx": b"\xb1\x68\xde\x3a", "cur": b"\0\0\2\0",
    "tiff without a number": b"II\0\0", "gif of another year": b"GIF88a",
    "png with line ends changed": b"\x89PNG\n\x1a\n", "jpeg without its third byte": b"\xff\xd8",
    "riff of sound": b"RIFF\x24\0\0\0WAVE", "bm in a text": b"BMW drivers' club",
}  # fmt: skip


def others() -> Cases:
    for fmt in OTHER_IMAGES:
        picture = noise(size=(64, 64), mode={"XBM": "1", "MSP": "1", "BLP": "P"}.get(fmt, "RGB"))
        yield Case(f"stranger/{fmt}", encoded(picture, fmt), FORMAT_NOT_ALLOWED)
    for name, start in STARTS.items():
        yield Case(f"stranger/{name}", start + bytes(500), FORMAT_NOT_ALLOWED)
    for name, content in {"svg": SVG, "html": HTML, "xml": b"<?xml version='1.0'?>" + SVG, "zip": archive()}.items():
        yield Case(f"stranger/{name}", content, FORMAT_NOT_ALLOWED)


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("bomb", bytes(1_000_000))
    return out.getvalue()


def nothing() -> Cases:
    yield Case("nothing/no byte", b"", EMPTY)
    for name, content in {
        "one byte": b"\xff",
        "spaces": b" " * 999,
        "zeros": bytes(999),
        "ones": b"\xff" * 999,
    }.items():
        yield Case(f"nothing/{name}", content, FORMAT_NOT_ALLOWED)
    yield Case("nothing/a byte in front", b"\n" + seeds()["jpeg"], FORMAT_NOT_ALLOWED)
    yield Case("nothing/one byte more than allowed", seeds()["jpeg"].ljust(25_000_001, b"\0"), TOO_LARGE)
    yield Case("nothing/as many bytes as allowed", seeds()["png"].ljust(25_000_000, b"\0"), SCORED)


def both() -> Cases:
    """Yield files that a browser or an unpacker may read as another format; people see only re-encoded renditions."""
    for name, content in seeds().items():
        for other, tail in {"html": HTML, "zip": archive(), "pdf": b"%PDF-1.4\n%%EOF"}.items():
            yield Case(f"both/{name} and {other}", content + tail, SCORED)
    yield Case("both/html in a jpeg", jpeg.after_start(jpeg.segment(jpeg.COM, HTML)), SCORED)
    yield Case("both/pdf in a jpeg", jpeg.after_start(jpeg.segment(jpeg.COM, b"%PDF-1.4\n")), SCORED)
    yield Case("both/php in a png", png.png(png.chunk(b"tEXt", b"a\0<?php system($_GET[0]);")), SCORED)
    yield Case("both/html first", HTML + seeds()["jpeg"], FORMAT_NOT_ALLOWED)
    yield Case("both/pdf first", b"%PDF-1.4\n" + seeds()["jpeg"], FORMAT_NOT_ALLOWED)
    yield Case("both/script that starts as a gif", b"GIF89a/*" + b" " * 99 + b"*/=1;alert(1)", UNREADABLE)
    yield Case("both/script that starts as a bitmap", b"BM/*" + b" " * 99 + b"*/=1;alert(1)", FORMAT_NOT_ALLOWED)


def cases() -> Cases:
    yield from others()
    yield from nothing()
    yield from both()
