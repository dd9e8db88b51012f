"""The frames of a file that were scored, in the order in which people see them: the one with the worst score first."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from moderation import storage
from moderation.decoding.views import Appearance, appearance_of, is_whole
from moderation.models.classifiers import Score

#: The number of frames that the plan scores in a file without other appearances.
MAX_FRAMES = 16

#: The variants of a rendition. The full one has the picture's own pixels and is made when somebody enlarges it.
BLURRED, CLEAR, FULL = "blurred", "clear", "full"


@dataclass(frozen=True, slots=True)
class FrameView:
    """One frame in one appearance.

    Attributes:
        size: (width, height) of the picture in pixels; None where it was not kept.
        outline: left, top, right, bottom of its worst part, as shares of the picture. Set only for parts that were
            scored because of the picture's shape, size or border: a part that was scored because the whole picture's
            score was near the band would reveal that score.
    """

    frame: int
    appearance: Appearance = Appearance.PLAIN
    size: tuple[int, int] | None = None
    outline: tuple[float, float, float, float] | None = None

    @property
    def place(self) -> tuple[int, Appearance]:
        """Its frame and appearance, which identify it within the file."""
        return self.frame, self.appearance

    def rendition(self, sha256: str, *, variant: str) -> Path:
        """Return the path of its rendition; ``variant`` is blurred, clear or full."""
        return storage.rendition_path(sha256, frame=self.frame, appearance=self.appearance, variant=variant)

    def is_rendered(self, sha256: str) -> bool:
        return all(self.rendition(sha256, variant=variant).exists() for variant in (BLURRED, CLEAR))


def ranked_frames(scores: Iterable[Score]) -> list[FrameView]:
    """Return the frames that one classifier scored, the worst first.

    ``scores`` are those of one file for the labels that a policy uses.
    """
    found: dict[tuple[int, Appearance], FrameView] = {}
    for view in _views(scores):
        place = view["frame"], appearance_of(view["view"])
        frame = found.get(place) or FrameView(*place, size=view["size"] and tuple(view["size"]))
        if frame.outline is None and not is_whole(view["view"]) and not view["near"]:
            frame = replace(frame, outline=tuple(view["box"]))
        found[place] = frame
    return list(found.values())[:MAX_FRAMES]


def _views(scores: Iterable[Score]) -> list[dict[str, Any]]:
    """Return all scored views, the worst first."""
    worst_first = sorted(scores, key=lambda score: -score.value)
    return sorted((view for score in worst_first for view in score.all_views), key=lambda view: -view["value"])
