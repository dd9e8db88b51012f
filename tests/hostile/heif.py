"""Odd HEIF files: boxes with false lengths, sizes that disagree, grids without end, references in circles."""

import struct
from functools import cache

from moderation.decoding.images import Reason
from moderation.demo.heic import Item, box, file_of, heic, picture_item, size_property
from tests.hostile.avif import stating, with_length
from tests.hostile.case import CUT, SCORED, TOO_MANY_PIXELS, UNREADABLE, Case, Cases, quarantined
from tests.hostile.seeds import noise

LIMITED = quarantined(Reason.UNREADABLE, Reason.TRUNCATED, Reason.TIMED_OUT, Reason.OUT_OF_MEMORY)


@cache
def honest() -> bytes:
    return heic(noise())


def grid(*, rows: int, columns: int, size: tuple[int, int], tiles: int = 1) -> bytes:
    """Return a grid that states ``rows`` x ``columns`` tiles, all of them the same ones, and any size."""
    tile = picture_item(noise(size=(64, 64)))
    tile.hidden = True
    whole = Item(b"grid", struct.pack(">BBBBII", 0, 1, rows - 1, columns - 1, *size), [size_property(*size)])
    whole.references = {b"dimg": [2] * tiles}
    return file_of([whole, tile])


def circular_grid() -> bytes:
    whole = Item(b"grid", struct.pack(">BBBBHH", 0, 0, 0, 0, 64, 64), [size_property(64, 64)], {b"dimg": [1]})
    return file_of([whole, picture_item(noise(size=(64, 64)))])


def circular_thumbnail() -> bytes:
    picture = picture_item(noise())
    picture.references = {b"thmb": [1]}
    return file_of([picture])


def cases() -> Cases:
    yield Case("heif/in PQ", heic(noise(), colours=(9, 16, 9)), SCORED)
    yield Case("heif/unknown code points", heic(noise(), colours=(65_535, 65_535, 6)), UNREADABLE)
    yield Case("heif/20,000 boxes", honest() + box(b"free") * 20_000, SCORED)
    yield Case("heif/a megabyte behind its end", honest() + bytes(1_000_000), SCORED)
    yield Case("heif/just above the limit", stating(honest(), 7072, 7072), TOO_MANY_PIXELS)
    yield Case("heif/states more than it has", stating(honest(), 6400, 4800), UNREADABLE)
    yield Case("heif/no width", stating(honest(), 0, 48), UNREADABLE)
    yield Case("heif/grid of a gigapixel", grid(rows=256, columns=256, size=(32_000, 32_000)), UNREADABLE)
    yield Case("heif/grid of 65,536 times one tile",
               grid(rows=256, columns=256, size=(7000, 7000), tiles=65_535), LIMITED)  # fmt: skip
    yield Case("heif/grid of missing tiles", grid(rows=256, columns=256, size=(640, 480)), UNREADABLE)
    yield Case("heif/grid of itself", circular_grid(), UNREADABLE)
    yield Case("heif/thumbnail of itself", circular_thumbnail(), UNREADABLE)
    yield Case("heif/no item", file_of([]), UNREADABLE)
    yield Case("heif/primary picture that is missing", file_of([picture_item(noise())], primary=9), UNREADABLE)
    for name in (b"meta", b"mdat", b"iloc", b"ipco", b"iinf", b"hvcC"):
        for length in (1, 7, 2**31, 2**32 - 1):
            ignored = name == b"mdat"
            yield Case(
                f"heif/{name.decode()} of {length} bytes",
                with_length(honest(), name, length),
                SCORED if ignored else UNREADABLE,
            )
    for tenth in range(1, 10):
        yield Case(f"heif/cut at {tenth} tenths", honest()[: len(honest()) * tenth // 10], CUT)
