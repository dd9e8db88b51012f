"""What measured signals say of a picture's quality. Numbers only: a page may ask without loading a decoder."""

from collections.abc import Mapping

#: Less detail than this at the finest scale, compared with the next: it was enlarged. Photos as taken: 0.37 or more.
ENLARGED_BELOW = 0.36
#: A step at each eighth pixel that is this much higher than the others (of 255): blocks of heavy compression.
BLOCKS_FROM = 3.0
#: A JPEG file that states such a quality or less.
LOW_QUALITY = 40


def findings(signals: Mapping[str, float]) -> list[str]:
    """What the measured signals say: ``enlarged``, ``compressed``."""
    found = []
    if signals.get("sharpness", 1.0) < ENLARGED_BELOW:
        found.append("enlarged")
    if signals.get("quality", 100) <= LOW_QUALITY or signals.get("blockiness", 0.0) >= BLOCKS_FROM:
        found.append("compressed")
    return found
