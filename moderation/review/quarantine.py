"""What a lead may do with an upload that could not be read safely: decide it unseen, or have it tried again."""

import pghistory
from django.db import transaction

from moderation.models import Decision, Effect, Upload, User, Verdict
from moderation.review.deciding import UndoRefused
from moderation.review.status import update_status

REASON = "quarantine"


class NotQuarantined(Exception):
    """Somebody settled the upload already, or sent it to the pre-screen again."""


def settle_quarantine(upload: Upload, *, verdict: Verdict, reviewer: User, comment: str) -> Decision:
    """Approve or reject ``upload`` unseen; takes effect after the grace period.

    Raises:
        NotQuarantined: another lead was first. Nothing is written.
    """
    with transaction.atomic():
        _lock_quarantined(upload)
        decision = Decision.objects.create(
            upload=upload,
            verdict=verdict,
            reason=REASON if verdict == Verdict.VIOLATING else "",
            comment=comment,
            reviewer=reviewer,
            by_lead=reviewer.is_lead,
            source=Decision.Source.QUARANTINE,
            shown={"revealed": False},
        )
        Effect.objects.schedule(decision, outcome=decision.outcome)
        update_status(Upload.objects.filter(pk=upload.pk))
    return decision


def undo_quarantine(decision: Decision, *, by: User) -> Decision:
    """Take back the verdict that ``by`` gave unseen: the upload is in quarantine again.

    The effect is cancelled within the grace period; otherwise the reverse effect is written, which holds the upload.

    Raises:
        UndoRefused: it was undone already, or it is somebody else's. Nothing is written.
    """
    with transaction.atomic():
        upload = Upload.objects.select_for_update(no_key=True).get(pk=decision.upload_id)
        if not Decision.objects.quarantine_verdicts_by(by).filter(pk=decision.pk).exists():
            raise UndoRefused(f"Your decision on {upload} was undone already. Nothing was changed.")
        undo = Decision.objects.create(
            upload=upload,
            kind=Decision.Kind.UNDO,
            supersedes=decision,
            reviewer=by,
            source=Decision.Source.QUARANTINE,
            shown={"revealed": False},
        )
        Effect.objects.take_back(decision, because=undo, restore=Effect.Outcome.HOLD)
        update_status(Upload.objects.filter(pk=upload.pk))
    return undo


def retry_quarantined(upload: Upload, *, why: str) -> None:
    """Let the next pre-screen try ``upload`` again; ``why`` is kept with the change in the upload's history.

    Raises:
        NotQuarantined: another lead was first. Nothing is written.
    """
    with pghistory.context(why=why), transaction.atomic():
        _lock_quarantined(upload)
        mine = Upload.objects.filter(pk=upload.pk)
        mine.update(quarantine_reason="", quarantine_detail="", status=Upload.Status.PENDING)
        update_status(mine)


def _lock_quarantined(upload: Upload) -> None:
    """Lock the row while it is quarantined; a second lead finds that it no longer is."""
    quarantined = Upload.objects.quarantined().filter(pk=upload.pk).select_for_update(no_key=True)
    if not quarantined.exists():
        raise NotQuarantined(
            f"Someone else settled {upload} first. Nothing was saved. Reload the page to see what is left."
        )
