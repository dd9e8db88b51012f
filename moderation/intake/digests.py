"""The digests of a file: sha256 is its identity, MD5 and SHA-1 are what many hash lists have."""

import hashlib
from dataclasses import dataclass
from typing import Self

#: Bytes that pass through all three algorithms while they are in the processor's cache.
CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Digests:
    """Digests in lower-case hexadecimal digits."""

    sha256: str
    md5: str
    sha1: str

    @classmethod
    def of(cls, content: bytes) -> Self:
        """Compute the digests of `content` in one pass."""
        algorithms = [hashlib.new(name, usedforsecurity=False) for name in ("sha256", "md5", "sha1")]
        view = memoryview(content)
        for start in range(0, len(view), CHUNK):
            for algorithm in algorithms:
                algorithm.update(view[start : start + CHUNK])
        return cls(*(algorithm.hexdigest() for algorithm in algorithms))
