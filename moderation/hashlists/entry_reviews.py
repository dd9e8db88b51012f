"""Confirm and contest entries of hash lists. Contesting an entry withdraws every decision that rests on it.

Contesting happens in one transaction:

1. Lock the entry: workers that route by it commit first, and no other starts.
2. Refuse if somebody has contested it already.
3. Record the review and the entry's new state.
4. Supersede the entry's live matches, and tell other programs to hold their uploads.
5. Make the uploads pending again, so that the next pre-screen routes them without the entry.
"""

import pghistory
from django.db import transaction
from django.db.models.functions import Now

from moderation.locks import lock_entry
from moderation.models import Effect, EntryReview, HashEntry, HashMatch, Upload, User
from moderation.models.hash_matches import HashMatchQuerySet
from moderation.review.status import update_status


class EntryReviewRefused(Exception):
    """The review would change nothing, or this person may not give it. Nothing is written."""


def confirm(entry: HashEntry, *, by: User | None, why: str = "", match: HashMatch | None = None) -> EntryReview:
    """Record that `entry` is right. A contested entry routes again, from the next chunk of a pre-screen on.

    Raises:
        EntryReviewRefused: `by` imported the entry. Nothing is written.
    """
    if by and entry.added_by_id == by.pk:
        raise EntryReviewRefused(
            "You imported this entry yourself, so your confirmation would be no second opinion. Nothing was changed. "
            "Ask another person who may keep hash lists to confirm it."
        )
    with transaction.atomic():
        return _record(entry, HashEntry.ReviewState.CONFIRMED, by=by, why=why, match=match)


def contest(entry: HashEntry, *, by: User | None, why: str, match: HashMatch | None = None) -> EntryReview:
    """Record that `entry` is wrong: it routes nothing more, and each upload that it decided is pending again.

    Raises:
        EntryReviewRefused: the entry is contested already. Nothing is written.
    """
    with pghistory.context(why=why, by=by.pk if by else None), transaction.atomic():
        lock_entry(entry.pk)
        if HashEntry.objects.filter(pk=entry.pk, review_state=HashEntry.ReviewState.CONTESTED).exists():
            raise EntryReviewRefused(
                "Somebody contested this entry already: it routes nothing. Nothing was changed. Confirm it to let it "
                "route again."
            )
        review = _record(entry, HashEntry.ReviewState.CONTESTED, by=by, why=why, match=match)
        _withdraw(HashMatch.objects.live().filter(entry=entry))
    return review


def _record(entry: HashEntry, state: str, *, by: User | None, why: str, match: HashMatch | None) -> EntryReview:
    # The update locks the row, so that of two reviews at once the later one gives the entry its state.
    HashEntry.objects.filter(pk=entry.pk).update(review_state=state)
    entry.refresh_from_db(fields=["review_state"])
    return EntryReview.objects.create(entry=entry, state=state, by=by, why=why, match=match)


def _withdraw(matches: HashMatchQuerySet) -> None:
    """Supersede `matches`, hold their uploads and make them pending again."""
    withdrawn = list(matches)
    uploads = Upload.objects.filter(pk__in=[match.upload_id for match in withdrawn])
    list(uploads.select_for_update(no_key=True).order_by("pk"))  # in the order of update_status()
    HashMatch.objects.filter(pk__in=[match.pk for match in withdrawn]).update(superseded=True)
    Effect.objects.bulk_create(_hold(match) for match in withdrawn)
    uploads.exclude(status__in=[Upload.Status.QUARANTINED, Upload.Status.ERASED]).update(status=Upload.Status.PENDING)
    update_status(uploads)


def _hold(match: HashMatch) -> Effect:
    return Effect(
        upload_id=match.upload_id, policy_id=match.policy_id, match=match, outcome=Effect.Outcome.HOLD, due_at=Now()
    )
