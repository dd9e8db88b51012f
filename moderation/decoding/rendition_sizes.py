"""How large a rendition is. Nothing here imports Pillow, so that web processes can use it."""

from dataclasses import dataclass

#: Pixels of the longest side of any rendition. Browsers draw longer pictures in part or not at all.
LONGEST_SIDE = 16_384

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class RenditionSize:
    """A rule for the size of renditions, which are never enlarged.

    Attributes:
        long_side: pixels that the longer side is reduced to, unless the shorter one would fall below ``short_side``.
        short_side: pixels that the shorter side keeps, so that text in a long picture can be read.
    """

    long_side: int = 1600
    short_side: int = 1080

    def fitted(self, size: Size) -> Size:
        """Return the (width, height) of the rendition of a picture of ``size``."""
        kept = max(self.long_side / max(size), self.short_side / min(size))
        return scaled(size, by=min(1.0, kept, LONGEST_SIDE / max(size)))


#: Made for everything that people are asked about.
ORDINARY = RenditionSize()
#: Made when somebody enlarges a picture: its own pixels.
FULL = RenditionSize(long_side=LONGEST_SIDE)


def within(size: Size, *, side: int) -> Size:
    """Return the (width, height) of the same aspect whose longer side is ``side`` pixels."""
    return scaled(size, by=side / max(size))


def scaled(size: Size, *, by: float) -> Size:
    """Return ``size`` times ``by``, at least one pixel wide and high."""
    width, height = (max(1, round(side * by)) for side in size)
    return width, height
