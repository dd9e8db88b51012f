"""What a picture is recognised by, how far two pictures are from each other, and how near ones are found.

Multi-index hashing: the 256 bits are dealt out to ``WORDS`` words. If two hashes differ in at most ``RADIUS`` bits,
at least one word differs in at most one bit (``RADIUS < 2 * WORDS``), so one of that word's halves is the same and the
other differs in one bit at most. Each word is kept twice, with the one and with the other half first: what has to be
looked up lies close together, on one or two pages of an index.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

BITS = 256
#: Up to so many different bits, two pictures count as nearly the same. docs/duplicates.md has the measurements.
RADIUS = 17
WORDS = 9
#: From 0 to 100, the authors' bound: what is flatter has a hash of noise, and is like any other flat picture.
LEAST_QUALITY = 50


@dataclass(frozen=True, slots=True)
class PdqHash:
    """The PDQ hash of one picture and of its mirror image, 32 bytes each, and how much there was to hash: 0 to 100."""

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
        """Of the picture and of its mirror image: by either it is the same picture."""
        return self.pdq, self.mirrored

    @property
    def says_something(self) -> bool:
        """Whether pictures may be compared by it."""
        return self.quality >= LEAST_QUALITY


def is_flat(pdq: bytes) -> bool:
    """Whether a hash of unknown quality tells by itself that there was too little to hash.

    A bit says whether a frequency lies above the median: about half of them are set, but where many are the same.
    """
    return abs(int.from_bytes(pdq).bit_count() - BITS // 2) > BITS // 4


def distance(one: bytes, other: bytes) -> int:
    """In how many of their bits two hashes differ. Two pictures with nothing in common differ in about 128."""
    return bits_apart(int.from_bytes(one), int.from_bytes(other))


def bits_apart(one: int, other: int) -> int:
    """The same of hashes as numbers, for whoever compares each with many."""
    return (one ^ other).bit_count()


def keys(pdq: bytes) -> list[int]:
    """What a hash is found by: each word with its first half first, then with its second half first."""
    bits = f"{int.from_bytes(pdq):0{BITS}b}"
    # Dealt out bit by bit: neighbours are frequencies that tend to go together.
    words = (bits[start::WORDS] for start in range(WORDS))
    return [int(word[cut:] + word[:cut], 2) for word in words for cut in (0, len(word) // 2)]


def variations() -> list[list[int]]:
    """For each of ``keys``, what it is to be XORed with: nothing, or one bit of what stands last."""
    lengths = (len(range(start, BITS, WORDS)) for start in range(WORDS))
    lasts = (last for length in lengths for last in (length - length // 2, length // 2))
    return [[0, *(1 << bit for bit in range(last))] for last in lasts]
