"""Names formats that are not accepted by their first bytes, so that a refusal can say what a file is.

The names are for people. Nothing else depends on them: a file is accepted by `images.sniff` alone.
"""

import re
import struct
from collections.abc import Iterator

UNKNOWN = "a file of an unknown kind"

#: What a file starts with. Of two that both fit, the first one counts.
_STARTS = (
    (b"8BPS", "a Photoshop document"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\0\0\0\x0cJXL \r\n", "a JPEG XL picture"),
    (b"\0\0\0\x0cjP  \r\n", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (b"II\xbc\x01", "a JPEG XR picture"),
    (b"\0\0\1\0", "an icon (ICO)"),
    (b"\0\0\2\0", "a mouse pointer (CUR)"),
    (b"icns", "an icon (ICNS)"),
    (b"gimp xcf", "a GIMP picture (XCF)"),
    (b"DDS ", "a DirectDraw picture (DDS)"),
    (b"v/1\x01", "an OpenEXR picture"),
    (b"#?RADIANCE", "a Radiance picture (HDR)"),
    (b"qoif", "a QOI picture"),
    (b"BPG\xfb", "a BPG picture"),
    (b"AT&TFORM", "a DjVu document"),
    (b"\xd7\xcd\xc6\x9a", "a Windows metafile"),
    (b"FUJIFILMCCD-RAW", "a camera raw picture"),
    (b"IIRO", "a camera raw picture"),
    (b"IIRS", "a camera raw picture"),
    (b"MMOR", "a camera raw picture"),
    (b"IIU\0", "a camera raw picture"),
    (b"FOVb", "a camera raw picture"),
    (b"\xc5\xd0\xd3\xc6", "a PostScript document (EPS)"),
    (b"%!PS", "a PostScript document (EPS)"),
    (b"{\\rtf", "an RTF document"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Office document in its old format"),
    (b"\x1a\x45\xdf\xa3", "a WebM or Matroska video"),
    (b"FLV\1", "a Flash video"),
    (b"\0\0\1\xba", "an MPEG video"),
    (b"\0\0\1\xb3", "an MPEG video"),
    (b"0&\xb2u\x8ef\xcf\x11", "a Windows Media video"),
    (b"ID3", "an MP3 recording"),
    (b"\xff\xfb", "an MP3 recording"),
    (b"\xff\xf3", "an MP3 recording"),
    (b"\xff\xf1", "an AAC recording"),
    (b"fLaC", "a FLAC recording"),
    (b"OggS", "an Ogg recording or video"),
    (b"MThd", "a MIDI file"),
    (b"#!AMR", "an AMR recording"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\0", "an xz archive"),
    (b"(\xb5/\xfd", "a Zstandard archive"),
    (b"7z\xbc\xaf'\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"PK\5\6", "an empty ZIP archive"),
    (b"MZ", "a Windows program"),
    (b"\x7fELF", "a Linux program"),
    (b"\xcf\xfa\xed\xfe", "a macOS program"),
    (b"\xce\xfa\xed\xfe", "a macOS program"),
    (b"\xca\xfe\xba\xbe", "a macOS or Java program"),
    (b"#!", "a script"),
    (b"wOFF", "a font"),
    (b"wOF2", "a font"),
    (b"OTTO", "a font"),
    (b"\0\1\0\0\0", "a font"),
    (b"SQLite format 3\0", "an SQLite database"),
)
#: By the type that follows "RIFF" and a length.
_RIFF = {b"AVI ": "an AVI video", b"WAVE": "a WAV recording"}
#: By the brand of an ISO media file; the first of its brands that is listed counts.
_BRANDS = {
    **dict.fromkeys((b"M4A ", b"M4B "), "an M4A recording"),
    b"qt  ": "a QuickTime video",
    b"crx ": "a camera raw picture",
}
_QUICKTIME_BOXES = {b"moov", b"mdat", b"wide", b"pnot"}
#: By a name within the first entries of a ZIP archive.
_ZIP_MEMBERS = (
    (b"mimetypeapplication/vnd.oasis", "an OpenDocument file"),
    (b"mimetypeapplication/epub", "an e-book (EPUB)"),
    (b"[Content_Types].xml", "an Office document"),
    (b"_rels/.rels", "an Office document"),
    (b"META-INF/", "a Java archive"),
)
_MARKUP = (
    (re.compile(rb"<svg[\s>:/]", re.IGNORECASE), "an SVG drawing"),
    (re.compile(rb"<!doctype html|<html|<head|<body", re.IGNORECASE), "an HTML page"),
    (re.compile(rb"^<\?xml", re.IGNORECASE), "an XML document"),
)
_NETPBM = re.compile(rb"P[1-7]\s")
_NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")

_DNG_VERSION, _NEW_SUBFILE_TYPE, _SUB_IFDS = 50706, 254, 330
_ENTRY_BYTES = 12


def name_of(head: bytes) -> str:
    """Return what a file is, with its article, by its first bytes: "a PDF document".

    More bytes recognise more formats; 512 are enough for all but documents that begin with long comments.
    """
    if not head:
        return "an empty file"
    if not head.strip(b"\0"):
        return "a file that starts with nothing but zeros"
    return next((name for name in _names(head) if name), UNKNOWN)


def _names(head: bytes) -> Iterator[str]:
    yield "a PDF document" if b"%PDF-" in head else ""
    yield "a camera raw picture" if is_camera_raw(head) else ""
    yield from (name for start, name in _STARTS if head.startswith(start))
    yield _RIFF.get(head[8:12], "") if head.startswith(b"RIFF") else ""
    yield "an AIFF recording" if head.startswith(b"FORM") and head[8:11] == b"AIF" else ""
    yield _media(head)
    yield _zip(head) if head.startswith(b"PK\3\4") else ""
    yield "a TAR archive" if head[257:262] == b"ustar" else ""
    yield "a PNM picture" if _NETPBM.match(head) else ""
    yield _text(head)


def _media(head: bytes) -> str:
    """Name a file of boxes: a picture or video of the ISO's format, or of QuickTime's, which it is made after."""
    if head[4:8] in _QUICKTIME_BOXES:
        return "a QuickTime video"
    if head[4:8] != b"ftyp":
        return ""
    return next((_BRANDS[brand] for brand in brands(head) if brand in _BRANDS), "an MP4 video")


def brands(head: bytes) -> list[bytes]:
    """Return the brands of an ISO media file, its own one first."""
    size = int.from_bytes(head[:4], "big")
    return [head[at : at + 4] for at in (8, *range(16, min(size, len(head)), 4))]


def _zip(head: bytes) -> str:
    return next((name for member, name in _ZIP_MEMBERS if member in head), "a ZIP archive")


def _text(head: bytes) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "a plain text file"
    try:
        text = head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.end < len(head):  # otherwise the last character is merely cut off
            return ""
        text = head[: error.start].decode("utf-8-sig")
    if _NO_TEXT.search(text):
        return ""
    written = text.strip().encode()
    markup = (name for pattern, name in _MARKUP if written.startswith(b"<") and pattern.search(written))
    return next(markup, "a plain text file")


def is_camera_raw(head: bytes) -> bool:
    """Whether a TIFF file is a camera's: its first picture is a small copy, which is not what was photographed."""
    if head[8:10] == b"CR" and head.startswith(b"II*\0"):
        return True
    tags = dict(_first_directory(head))
    return _DNG_VERSION in tags or (_SUB_IFDS in tags and tags.get(_NEW_SUBFILE_TYPE) == 1)


def _first_directory(head: bytes) -> Iterator[tuple[int, int]]:
    """Yield the tags of a TIFF file's first directory, with their values as 32-bit numbers, as far as `head` goes."""
    if not head.startswith((b"II*\0", b"MM\0*")):
        return
    order = "<" if head.startswith(b"II") else ">"
    (start,) = struct.unpack_from(f"{order}I", head.ljust(8, b"\0"), 4)
    for at in range(start + 2, len(head) - _ENTRY_BYTES + 1, _ENTRY_BYTES):
        tag, _, _, value = struct.unpack_from(f"{order}HHII", head, at)
        yield tag, value
