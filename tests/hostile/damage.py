"""Valid files, cut at every tenth or with flipped bits."""

import random

from tests.hostile.case import CUT, DAMAGED, Case, Cases
from tests.hostile.seeds import seeds

FLIPS = 4


def cases() -> Cases:
    for name, content in seeds().items():
        for tenths in range(1, 10):
            yield Case(f"cut/{name} at {tenths} tenths", content[: len(content) * tenths // 10], CUT)
        for salt in range(FLIPS):
            yield Case(f"flipped/{name} {salt}", flipped(content, salt=salt), DAMAGED)


def flipped(content: bytes, *, salt: int, bits: int = 3) -> bytes:
    """Flip some bits after the bytes that identify the format."""
    chance, changed = random.Random(salt), bytearray(content)
    for _ in range(bits):
        changed[chance.randrange(32, len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)
