"""Tiling: which parts of which pictures are scored, given the scores of the whole pictures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from moderation.decoding.plan import UntrustedReason, ViewPlan
from moderation.decoding.preprocessing import Preprocessing
from moderation.decoding.views import Appearance, Box, Picture, is_too_long, parts


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the picture at index ``of``. ``near``: chosen only because the whole score lies near the band."""

    of: int
    number: int
    box: Box
    near: bool


@dataclass(frozen=True, slots=True)
class TilePlan:
    """Parts in the order of their pictures. ``all_of_them`` is false if the plan had no room for some."""

    parts: tuple[Part, ...]
    all_of_them: bool

    def by_picture(self, pictures: Sequence[Picture]) -> list[tuple[int, int, list[Box]]]:
        """(frame, appearance, boxes) for each picture that has parts."""
        groups = groupby(self.parts, key=lambda part: part.of)
        return [(pictures[of].frame, int(pictures[of].appearance), [part.box for part in each]) for of, each in groups]


def plan_tiles(
    pictures: Sequence[Picture], *, worst: Sequence[float], near: Sequence[bool], plan: ViewPlan, rule: Preprocessing
) -> TilePlan:
    """Choose parts, those of the pictures with the greatest probability first, while the plan has room.

    ``worst``: the greatest probability of each whole picture. ``near``: whether one of its probabilities lies near the
    band.
    """
    room, chosen, all_of_them = max(0, plan.views - len(pictures)), list[Part](), True
    for of in sorted(range(len(pictures)), key=lambda index: -worst[index]):
        wanted = list(_parts(of, pictures[of], near=near[of], plan=plan, rule=rule))
        chosen += wanted[:room]
        all_of_them &= all(part.near for part in wanted[room:])
        room = max(0, room - len(wanted))
    return TilePlan(tuple(sorted(chosen, key=lambda part: (part.of, part.number))), all_of_them)


def untrusted_reason(pictures: Sequence[Picture], *, unseen: bool, plan: ViewPlan) -> UntrustedReason | None:
    """Return why the scores of these pictures are untrusted, or None."""
    sizes = [picture.size for picture in pictures if picture.appearance is Appearance.PLAIN]
    if min(min(size) for size in sizes) < plan.least_side:
        return UntrustedReason.LOW_RESOLUTION
    if any(is_too_long(size, plan=plan) for size in sizes):
        return UntrustedReason.TOO_LONG
    return UntrustedReason.NOT_ALL_SEEN if unseen else None


def _parts(of: int, picture: Picture, *, near: bool, plan: ViewPlan, rule: Preprocessing) -> Iterator[Part]:
    always = parts(picture, near=False, plan=plan, preprocessing=rule)
    wanted = parts(picture, near=True, plan=plan, preprocessing=rule) if near else always
    for number, box in wanted.items():
        yield Part(of, number, box, near=number not in always)
