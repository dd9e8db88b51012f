"""PDQ hashes of pictures: the distance between two of them, and the keys that find near ones in an index.

Multi-index hashing: the 256 bits are distributed over ``WORDS`` words. If two hashes differ in at most ``RADIUS``
bits, at least one word differs in at most one bit (``RADIUS < 2 * WORDS``), so one half of that word is equal and the
other differs in at most one bit. Each word is stored twice, with either half first, so that the keys of one lookup
are close together, on one or two pages of an index.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from moderation.decoding.views import Appearance

BITS = 256
#: Pictures whose hashes differ in at most this many bits count as near duplicates. See docs/duplicates.md for the
#: measurements.
RADIUS = 17
WORDS = 9
#: From 0 to 100, the PDQ authors' limit. The hash of a flatter picture is noise and matches other flat pictures.
LEAST_QUALITY = 50


@dataclass(frozen=True, slots=True)
class PdqHash:
    """The PDQ hash of one picture and of its mirror image, 32 bytes each, and the quality from 0 (flat) to 100."""

    pdq: bytes
    mirrored: bytes
    quality: int

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "PdqHash":
        return cls(bytes.fromhex(value["pdq"]), bytes.fromhex(value["mirrored"]), value["quality"])

    def as_json(self) -> dict[str, Any]:
        return {"pdq": self.pdq.hex(), "mirrored": self.mirrored.hex(), "quality": self.quality}

    @property
    def both(self) -> tuple[bytes, bytes]:
        """The hashes of the picture and of its mirror image. A match of either is a match."""
        return self.pdq, self.mirrored

    @property
    def is_distinctive(self) -> bool:
        """Whether the picture has enough detail to be compared by its hash."""
        return self.quality >= LEAST_QUALITY


class Reading(StrEnum):
    """How a picture was read before it was hashed. The values are stored: never change one."""

    UPRIGHT = "upright"  # as people see it, by the authors' filter for its size
    STORED = "stored"  # without orientation and transparency, as programs that make hash lists read files
    SCALED = "scaled"  # as people see it, filtered as if every picture had the same size


@dataclass(frozen=True, slots=True, kw_only=True)
class HashedPicture:
    """One hash of a file: of one frame, in one appearance (``views.Appearance``) and one reading."""

    frame: int
    appearance: int
    reading: Reading
    hash: PdqHash

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "HashedPicture":
        return cls(
            frame=value["frame"],
            appearance=value["appearance"],
            reading=Reading(value["reading"]),
            hash=PdqHash.from_json(value["hash"]),
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "frame": self.frame,
            "appearance": self.appearance,
            "reading": self.reading,
            "hash": self.hash.as_json(),
        }


def searches(hashes: Iterable[HashedPicture]) -> dict[bytes, bool]:
    """Return the distinct hashes to look for, each with whether it can vouch for the whole file.

    One bad picture makes a file bad. Only a file with a single picture, however it is turned, is as good as that
    picture: a harmless frame or preview says nothing about the others, and colours that transparency hides say nothing
    about the visible ones.
    """
    hashes = list(hashes)
    unturned = {(each.frame, each.appearance) for each in hashes if not Appearance(each.appearance).is_turned}
    is_single = len(unturned) == 1
    found: dict[bytes, bool] = {}
    for each in hashes:
        vouches = is_single and each.reading is not Reading.STORED
        for pdq in each.hash.both if each.hash.is_distinctive else ():
            found[pdq] = vouches or found.get(pdq, False)
    return found


def is_flat(pdq: bytes) -> bool:
    """Whether a hash of unknown quality shows that its picture was too flat to hash.

    A bit is set if a frequency lies above the median, so about half of them are set unless many are equal.
    """
    return abs(int.from_bytes(pdq).bit_count() - BITS // 2) > BITS // 4


def distance(one: bytes, other: bytes) -> int:
    """Return the number of bits in which two hashes differ: about 128 for unrelated pictures."""
    return bits_apart(int.from_bytes(one), int.from_bytes(other))


def bits_apart(one: int, other: int) -> int:
    """Return the same for hashes as integers, which is faster if each is compared with many."""
    return (one ^ other).bit_count()


def keys(pdq: bytes) -> list[int]:
    """Return the keys of a hash: each word with its first half first, then with its second half first."""
    bits = f"{int.from_bytes(pdq):0{BITS}b}"
    # Distributed bit by bit, because neighbouring frequencies are correlated.
    words = (bits[start::WORDS] for start in range(WORDS))
    return [int(word[cut:] + word[:cut], 2) for word in words for cut in (0, len(word) // 2)]


def variations() -> list[list[int]]:
    """Return the XOR masks for each of ``keys``: 0, or one bit of the half that comes last."""
    lengths = (len(range(start, BITS, WORDS)) for start in range(WORDS))
    lasts = (last for length in lengths for last in (length - length // 2, length // 2))
    return [[0, *(1 << bit for bit in range(last))] for last in lasts]
