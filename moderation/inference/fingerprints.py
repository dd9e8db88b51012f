"""What a picture is recognised by, and how far two pictures are from each other. Nothing here decodes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

BITS = 256
#: From 0 to 100, the authors' bound: what is flatter has a hash of noise, and is like any other flat picture.
LEAST_QUALITY = 50


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The PDQ hash of one picture, 32 bytes, and how much there was to hash, from 0 to 100."""

    pdq: bytes
    quality: int

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Fingerprint":
        return cls(bytes.fromhex(value["pdq"]), value["quality"])

    def as_json(self) -> dict[str, Any]:
        return {"pdq": self.pdq.hex(), "quality": self.quality}

    @property
    def says_something(self) -> bool:
        """Whether pictures may be compared by it."""
        return self.quality >= LEAST_QUALITY


def distance(one: bytes, other: bytes) -> int:
    """In how many of their bits two hashes differ. Two pictures with nothing in common differ in about 128."""
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()
