"""Choose the frames of a file to score: those that differ most from each other.

Every frame is decoded and reduced to a thumbnail of 32 x 32 cells. Frames are then chosen farthest first (Gonzalez
1985): the first frame, then repeatedly the frame that is least like any chosen one, until every other frame looks like
one of them. A frame that stands out among hundreds is therefore chosen early. The distance of the most unlike frame
left out is returned as well: if it is large, a scene was not scored, and the upload goes to a person.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Thumbnail = NDArray[np.int16]
T = TypeVar("T")

THUMBNAIL_SIDE = 32
#: Root mean square difference of two thumbnails, of 255, below which their pictures look the same to a viewer.
ALIKE = 3.0
#: The difference from which on they are different scenes. Movement within one scene stays below it; docs/evasion.md has
#: figures.
UNLIKE = 48.0


def thumbnail_of(picture: Image.Image) -> Thumbnail:
    """Return the mean colour of 32 x 32 cells, int16 (32, 32, 3)."""
    # Whole blocks are averaged first, which is three times faster and leaves no pixel out.
    small = picture.resize((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.BOX, reducing_gap=1.01)
    return np.asarray(small, dtype=np.int16)


def distance(one: Thumbnail, other: Thumbnail) -> float:
    """Return the root mean square difference of two thumbnails, 0 to 255."""
    return float(_distances(one[np.newaxis], other)[0])


def _distances(thumbnails: Thumbnail, other: Thumbnail) -> NDArray[np.float32]:
    """Return the distance of each of ``thumbnails``, int16 (N, 32, 32, 3), from ``other``."""
    differences = (thumbnails - other).astype(np.float32)
    return np.asarray(np.sqrt(np.square(differences, out=differences).mean(axis=(1, 2, 3))))


@dataclass(frozen=True, slots=True)
class Scene(Generic[T]):
    frame: int
    thumbnail: Thumbnail
    views: T


class SceneSampler(Generic[T]):
    """Takes frames one by one and keeps those that differ, with their views, in bounded memory."""

    def __init__(self, *, most: int) -> None:
        self._most = most
        #: More frames are kept than are chosen in the end, so that late frames can be chosen as well.
        self._room = 4 * most
        self._apart = ALIKE
        self._kept: list[Scene[T]] = []
        self._table: Thumbnail = np.empty((0, THUMBNAIL_SIDE, THUMBNAIL_SIDE, 3), dtype=np.int16)
        self._thumbnails: list[Thumbnail] = []

    def add(self, frame: int, thumbnail: Thumbnail, views: Callable[[], T]) -> None:
        """Keep a frame if it differs from all kept ones; ``views`` is called only then."""
        self._thumbnails.append(thumbnail)
        if _distances(self._table, thumbnail).min(initial=np.inf) < self._apart:
            return
        self._keep(Scene(frame, thumbnail, views()))
        while len(self._kept) > self._room:
            self._thin_out()

    def choose(self) -> tuple[list[Scene[T]], float]:
        """Return the frames to score, in order, and the distance of the most unlike other frame, 0 to 255."""
        chosen, nearest = [self._kept[0]], _distances(self._table, self._kept[0].thumbnail)
        while len(chosen) < self._most and nearest.max() >= ALIKE:
            farthest = self._kept[int(nearest.argmax())]
            chosen.append(farthest)
            nearest = np.minimum(nearest, _distances(self._table, farthest.thumbnail))
        return sorted(chosen, key=lambda scene: scene.frame), self._radius(chosen)

    def _radius(self, chosen: list[Scene[T]]) -> float:
        table = np.stack([scene.thumbnail for scene in chosen])
        return max(float(_distances(table, thumbnail).min()) for thumbnail in self._thumbnails)

    def _keep(self, scene: Scene[T]) -> None:
        self._kept.append(scene)
        self._table = np.stack([kept.thumbnail for kept in self._kept])

    def _thin_out(self) -> None:
        """Double the least distance between kept frames and drop the later ones that are closer."""
        self._apart *= 2
        candidates, self._kept, self._table = self._kept, [], self._table[:0]
        for scene in candidates:
            if _distances(self._table, scene.thumbnail).min(initial=np.inf) >= self._apart:
                self._keep(scene)
