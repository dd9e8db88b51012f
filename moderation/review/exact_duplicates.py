"""The same picture again: what was confirmed for its bytes is taken over, so that nobody looks at it twice."""

from collections.abc import Sequence

from django.db.models import Exists, F, OuterRef

from moderation.models.decisions import OBJECTION_SOURCES, Decision, DecisionQuerySet
from moderation.models.review_tasks import ReviewTask
from moderation.models.screenings import Screening


def reuse_verdicts(tasks: Sequence[ReviewTask]) -> list[Decision]:
    """Decide those of the new ``tasks`` whose picture has a confirmed verdict, and return the linked decisions.

    Only uploads that the coin drew take over, each drawn by its own id: the ledger counts them as it counts those that
    somebody looked at. Confirmed means final by the ledger's rule, at the last roll-up, in the same epoch.
    """
    drawn = [task for task in tasks if task.screening is not None and task.screening.drawn]
    confirmed = _confirmed([task.screening for task in drawn if task.screening is not None])
    return [task.take_over(origin) for task in drawn if (origin := confirmed.get(_picture(task))) is not None]


def _picture(task: ReviewTask) -> tuple[int, int]:
    assert task.screening is not None
    return task.screening.upload.file_id, task.screening.epoch_id  # both are at hand: no query a task


def _said_otherwise() -> DecisionQuerySet:
    """What a report or an appeal found to be wrong is no precedent."""
    objected = (
        Decision.objects.live().conclusive().filter(source__in=OBJECTION_SOURCES, screening=OuterRef("screening"))
    )
    return objected.exclude(verdict=OuterRef("verdict"))


def _confirmed(screenings: Sequence[Screening]) -> dict[tuple[int, int], Decision]:
    """By file and epoch, the first live verdict of the sample that its upload's outcome rests on."""
    if not screenings:
        return {}
    found = (
        Decision.objects.live()
        .conclusive()
        .filter(
            source=Decision.Source.SAMPLE,
            upload__file__in={screening.upload.file_id for screening in screenings},
            screening__epoch__in={screening.epoch_id for screening in screenings},
            verdict=F("screening__drawn_upload__outcome"),
        )
        .exclude(Exists(_said_otherwise()))
        .select_related("upload", "screening", "reviewer")
        .order_by("-pk")
    )
    return {(each.upload.file_id, each.screening.epoch_id): each for each in found if each.screening is not None}
