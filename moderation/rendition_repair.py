"""Making missing renditions anew, for example after a restore without them. Nothing else changes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from django.db.models import Exists, OuterRef, Q

from moderation.decode_limits import decode_limits
from moderation.decoding.images import ImageRefused
from moderation.decoding.sandbox import Sandbox
from moderation.models import GoldItem, ReviewTask, Screening
from moderation.models.frames import FrameView
from moderation.models.screenings import ScreeningQuerySet, frames_by_screening
from moderation.renditions import write_renditions

BATCH = 500


@dataclass(frozen=True)
class RepairedScreening:
    """A screening whose renditions are complete now. `refusal` says why they are not."""

    screening: Screening
    was_complete: bool
    refusal: str = ""


def screenings_shown_to_people() -> ScreeningQuerySet:
    """Screenings with a review task, decided ones included, or with a gold item. Erased files are left out."""
    tasks = ReviewTask.objects.filter(screening=OuterRef("pk"))
    gold = GoldItem.objects.filter(screening=OuterRef("pk"))
    return Screening.objects.filter(Q(Exists(tasks)) | Q(Exists(gold)), upload__file__erased_at=None)


def make_missing_renditions() -> Iterator[RepairedScreening]:
    """Write the renditions that are missing, and yield each screening when its renditions are complete or refused.

    Routes, statuses and tasks stay as they are.

    Raises:
        SandboxUnavailable: no decode process can be started.
        StorageFull: the disk is full. The renditions written so far stay.
    """
    rows = screenings_shown_to_people().select_related("upload__file", "policy", "policy_version").order_by("pk")
    screenings = rows.iterator(chunk_size=BATCH)
    with Sandbox(limits=decode_limits()) as sandbox:
        while batch := list(islice(screenings, BATCH)):
            frames = frames_by_screening(batch)
            for screening in batch:
                yield _repair(screening, frames=frames[screening.pk], sandbox=sandbox)


def _repair(screening: Screening, *, frames: Sequence[FrameView], sandbox: Sandbox) -> RepairedScreening:
    file = screening.upload.file
    if all(frame.is_rendered(file.sha256) for frame in frames):
        return RepairedScreening(screening, was_complete=True)
    try:
        write_renditions(file, frames=frames, sandbox=sandbox)
    except ImageRefused as refused:
        return RepairedScreening(screening, was_complete=False, refusal=refused.detail or str(refused.reason))
    return RepairedScreening(screening, was_complete=False)
