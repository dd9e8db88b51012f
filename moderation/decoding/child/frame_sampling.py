"""Which frames of many are looked at: those that differ most from each other.

Every frame is decoded and reduced to a print of 32 x 32 cells. Frames are then chosen farthest first (Gonzalez 1985):
the first one, then always the one that is least like any chosen, until what is left looks like one of them. So a frame
that stands out among hundreds is among the first to be chosen. How far the least like of the others is stays known:
where it is far, something was not looked at, and a person is asked.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Print = NDArray[np.int16]
T = TypeVar("T")

PRINT_SIDE = 32
#: Root mean square of the difference of two prints, of 255. Below this they are the same picture to a viewer.
ALIKE = 3.0
#: Beyond this they are different scenes; what moves within one scene stays below (docs/evasion.md has figures).
UNLIKE = 48.0


def print_of(picture: Image.Image) -> Print:
    """The mean colour of 32 x 32 cells, int16 (32, 32, 3)."""
    # Whole blocks are averaged first: three times faster, and no pixel is left out.
    small = picture.resize((PRINT_SIDE, PRINT_SIDE), Image.Resampling.BOX, reducing_gap=1.01)
    return np.asarray(small, dtype=np.int16)


def distance(one: Print, other: Print) -> float:
    """Root mean square difference of two prints, 0 to 255."""
    return float(_distances(one[np.newaxis], other)[0])


def _distances(prints: Print, shown: Print) -> NDArray[np.float32]:
    """From each of ``prints``, int16 (N, 32, 32, 3), to ``shown``."""
    differences = (prints - shown).astype(np.float32)
    return np.asarray(np.sqrt(np.square(differences, out=differences).mean(axis=(1, 2, 3))))


@dataclass(frozen=True, slots=True)
class Scene(Generic[T]):
    frame: int
    print: Print
    views: T


class Scenes(Generic[T]):
    """Frames pass by one by one; those that differ are kept with their views, in bounded memory."""

    def __init__(self, *, most: int) -> None:
        self._most = most
        #: More than are chosen in the end, so that the choice is among what came late, too.
        self._room = 4 * most
        self._apart = ALIKE
        self._kept: list[Scene[T]] = []
        self._table: Print = np.empty((0, PRINT_SIDE, PRINT_SIDE, 3), dtype=np.int16)
        self._prints: list[Print] = []

    def pass_by(self, frame: int, shown: Print, views: Callable[[], T]) -> None:
        """Keep a frame where it differs from all kept; ``views`` is called only then."""
        self._prints.append(shown)
        if _distances(self._table, shown).min(initial=np.inf) < self._apart:
            return
        self._keep(Scene(frame, shown, views()))
        while len(self._kept) > self._room:
            self._thin_out()

    def chosen(self) -> tuple[list[Scene[T]], float]:
        """The frames to look at, in order, and how unlike them the most unlike frame of all is (0 to 255)."""
        chosen, nearest = [self._kept[0]], _distances(self._table, self._kept[0].print)
        while len(chosen) < self._most and nearest.max() >= ALIKE:
            farthest = self._kept[int(nearest.argmax())]
            chosen.append(farthest)
            nearest = np.minimum(nearest, _distances(self._table, farthest.print))
        return sorted(chosen, key=lambda scene: scene.frame), self._radius(chosen)

    def _radius(self, chosen: list[Scene[T]]) -> float:
        table = np.stack([scene.print for scene in chosen])
        return max(float(_distances(table, shown).min()) for shown in self._prints)

    def _keep(self, scene: Scene[T]) -> None:
        self._kept.append(scene)
        self._table = np.stack([kept.print for kept in self._kept])

    def _thin_out(self) -> None:
        """Keep only frames that are twice as far apart as before, first come first kept."""
        self._apart *= 2
        passed, self._kept, self._table = self._kept, [], self._table[:0]
        for scene in passed:
            if _distances(self._table, scene.print).min(initial=np.inf) >= self._apart:
                self._keep(scene)
