"""The same bytes again: a confirmed verdict is reused, so that nobody reviews the same picture twice."""

from collections.abc import Sequence

from django.db.models import Exists, F, OuterRef

from moderation.models import Decision, ReviewTask, Screening
from moderation.models.decisions import OBJECTION_SOURCES, DecisionQuerySet
from moderation.review.linked_decisions import Link, decide_linked

# A file under one epoch: (file, epoch), by their ids.
Picture = tuple[int, int]


def reuse_verdicts(tasks: Sequence[ReviewTask]) -> list[Decision]:
    """Decide those of the new ``tasks`` whose bytes have a confirmed verdict, and return the linked decisions.

    Only uploads that the coin drew reuse a verdict, each drawn by its own id: the ledger counts them like those that
    somebody reviewed. Confirmed means final by the ledger's rule, at the last roll-up, in the same epoch. The number
    of statements does not grow with the number of tasks. The caller updates the uploads' status.
    """
    drawn = [task for task in tasks if task.screening is not None and task.screening.drawn]
    confirmed = _confirmed_verdicts([task.screened for task in drawn])
    return decide_linked(
        [
            Link(task=task, screening=task.screened, origin=origin)
            for task in drawn
            if (origin := confirmed.get(_picture(task.screened))) is not None
        ]
    )


def _picture(screening: Screening) -> Picture:
    return screening.upload.file_id, screening.epoch_id  # the upload is loaded: no query per task


def _confirmed_verdicts(screenings: Sequence[Screening]) -> dict[Picture, Decision]:
    """By file and epoch, the first live verdict of the sample that its upload's outcome rests on."""
    if not screenings:
        return {}
    found = (
        Decision.objects.live()
        .conclusive()
        .filter(
            source=Decision.Source.SAMPLE,
            blind=True,
            upload__file__in={screening.upload.file_id for screening in screenings},
            screening__epoch__in={screening.epoch_id for screening in screenings},
            verdict=F("screening__drawn_upload__outcome"),
        )
        .exclude(Exists(_found_otherwise()))
        .select_related("upload", "screening", "reviewer")
        .order_by("-pk")
    )
    return {_picture(each.screening): each for each in found if each.screening is not None}


def _found_otherwise() -> DecisionQuerySet:
    """For a subquery over decisions: reports and appeals that found the verdict to be wrong."""
    objected = Decision.objects.live().conclusive().filter(
        source__in=OBJECTION_SOURCES, screening=OuterRef("screening")
    )  # fmt: skip
    return objected.exclude(verdict=OuterRef("verdict"))
