"""What to say to somebody whose claim is gone."""

from typing import TYPE_CHECKING

from moderation.review.claims import Claim

if TYPE_CHECKING:
    from moderation.models.review_tasks import ReviewTask


def claim_lost_message(task: "ReviewTask", claim: Claim) -> str:
    """Say to the person who held ``claim`` what happened to their task; to somebody who never did, nothing."""
    now = type(task).objects.select_related("claimed_by", "upload").get(pk=task.pk)
    last = now.decisions.live().verdicts().order_by("-pk").select_related("reviewer").first()
    if now.decided_at and last and last.reviewer == claim.moderator:
        return f"You decided {now.upload} already, in another tab or with a double click. Nothing more was saved."
    if now.claimed_by == claim.moderator and now.claim_token != claim.token:
        return f"You opened {now.upload} again elsewhere, which ended this view of it. Nothing was saved."
    if not claim.was_on(task.pk):
        return "This is not your claim. Nothing was saved."
    if now.decided_at or now.withdrawn_at:
        return f"Your claim on {now.upload} ran out and someone else decided it. Nothing was saved."
    if now.claimed_by and now.claimed_by != claim.moderator:
        return f"Your claim on {now.upload} ran out and someone else took it. Nothing was saved."
    return f"Your claim on {now.upload} ran out or was given back. Nothing was saved."
