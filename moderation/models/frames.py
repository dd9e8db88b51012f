"""The pictures of a file that were looked at, as people are shown them: the worst first, and with the same decoder."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from moderation import storage
from moderation.decoding.views import Appearance, appearance_of, is_whole
from moderation.models.classifiers import Score

#: As many as the plan looks at in a file without other appearances.
MOST = 16

BLURRED, CLEAR = "blurred", "clear"


@dataclass(frozen=True, slots=True)
class FrameView:
    """One frame in one appearance.

    Attributes:
        size: (width, height) of the picture in pixels; None where it was not kept.
        outline: left, top, right, bottom of its worst part, as shares of the picture. Only of parts that the
            picture's shape, size or border asks for: one that is looked at because of a score near the band would tell
            that score.
    """

    frame: int
    appearance: Appearance = Appearance.PLAIN
    size: tuple[int, int] | None = None
    outline: tuple[float, float, float, float] | None = None

    @property
    def place(self) -> tuple[int, Appearance]:
        return self.frame, self.appearance

    def rendition(self, sha256: str, *, variant: str) -> Path:
        """Where its picture lies: ``variant`` is blurred or clear."""
        return storage.rendition_path(sha256, frame=self.frame, appearance=self.appearance, variant=variant)

    def is_rendered(self, sha256: str) -> bool:
        return all(self.rendition(sha256, variant=variant).exists() for variant in (BLURRED, CLEAR))


def ranked_frames(scores: Iterable[Score]) -> list[FrameView]:
    """What one classifier looked at, from its scores for the labels that a policy goes by; the worst first."""
    shots: dict[tuple[int, Appearance], FrameView] = {}
    for view in _views(scores):
        place = view["frame"], appearance_of(view["view"])
        shot = shots.get(place) or FrameView(*place, size=view["size"] and tuple(view["size"]))
        if shot.outline is None and not is_whole(view["view"]) and not view["near"]:
            shot = replace(shot, outline=tuple(view["box"]))
        shots[place] = shot
    return list(shots.values())[:MOST]


def _views(scores: Iterable[Score]) -> list[dict[str, Any]]:
    worst_first = sorted(scores, key=lambda score: -score.value)
    return sorted((view for score in worst_first for view in score.seen), key=lambda view: -view["value"])
