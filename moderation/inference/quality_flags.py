"""Quality flags from measured signals. Arithmetic only, so that a page can use it without loading a decoder."""

from collections.abc import Mapping

#: Below this sharpness an image was enlarged. Unchanged photos have 0.37 or more.
ENLARGED_BELOW = 0.36
#: From this blockiness on, of 255, an image was heavily compressed.
BLOCKS_FROM = 3.0
#: The highest JPEG quality, of 100, that counts as heavily compressed.
LOW_QUALITY = 40


def quality_flags(signals: Mapping[str, float]) -> list[str]:
    """Return the flags that the measured signals raise: ``enlarged``, ``compressed``."""
    flags = []
    if signals.get("sharpness", 1.0) < ENLARGED_BELOW:
        flags.append("enlarged")
    if signals.get("quality", 100) <= LOW_QUALITY or signals.get("blockiness", 0.0) >= BLOCKS_FROM:
        flags.append("compressed")
    return flags
