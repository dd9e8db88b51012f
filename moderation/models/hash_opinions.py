"""What people say of a list's entries. Who contests one takes back what it decided."""

from typing import Self

import pghistory
from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Now

from moderation.models.effects import Effect
from moderation.models.hash_lists import HashEntry, wait_for_who_routes_by
from moderation.models.hash_matches import HashMatch, HashMatchQuerySet
from moderation.models.people import User
from moderation.models.tracking import append_only
from moderation.models.uploads import Upload
from moderation.review.status import update_status


class OpinionRefused(Exception):
    """It would change nothing. Nothing is written."""


class HashOpinionQuerySet(models.QuerySet["HashOpinion"]):
    def latest_first(self) -> Self:
        return self.order_by("-pk").select_related("by", "match")


class HashOpinion(models.Model):
    """One person confirms or contests an entry, as a rule because of a match. Append-only; the latest one stands."""

    entry = models.ForeignKey(HashEntry, on_delete=models.PROTECT, related_name="opinions")
    match = models.ForeignKey(HashMatch, on_delete=models.PROTECT, null=True, blank=True, related_name="opinions")
    said = models.CharField(max_length=11, choices=HashEntry.Standing)
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="hash_opinions")
    why = models.CharField(max_length=500, blank=True)
    given_at = models.DateTimeField(db_default=Now())

    objects = HashOpinionQuerySet.as_manager()

    class Meta:
        triggers = [append_only()]
        constraints = [
            models.CheckConstraint(condition=Q(said__in=["confirmed", "contested"]), name="an_opinion_says_something"),
            models.CheckConstraint(condition=~Q(said="contested") | ~Q(why=""), name="a_contest_says_why"),
        ]

    def __str__(self) -> str:
        return f"{self.entry} {self.said}"


def confirm(entry: HashEntry, *, by: User | None, why: str = "", match: HashMatch | None = None) -> HashOpinion:
    """Say that ``entry`` is right. One that was contested routes again, from the next chunk of a pre-screen on."""
    with transaction.atomic():
        return _say(entry, HashEntry.Standing.CONFIRMED, by=by, why=why, match=match)


def contest(entry: HashEntry, *, by: User | None, why: str, match: HashMatch | None = None) -> HashOpinion:
    """Say that ``entry`` is wrong: it routes no more, and each upload that it decided waits for the pre-screen again.

    Raises:
        OpinionRefused: it is contested already. Nothing is written.
    """
    with pghistory.context(why=why, by=by.pk if by else None), transaction.atomic():
        wait_for_who_routes_by(entry.pk)
        if HashEntry.objects.filter(pk=entry.pk, standing=HashEntry.Standing.CONTESTED).exists():
            raise OpinionRefused("Somebody contested this entry already: it routes nothing. Nothing was changed.")
        opinion = _say(entry, HashEntry.Standing.CONTESTED, by=by, why=why, match=match)
        withdraw(HashMatch.objects.live().filter(entry=entry))
    return opinion


def _say(entry: HashEntry, said: str, *, by: User | None, why: str, match: HashMatch | None) -> HashOpinion:
    # Locked by the update: of two opinions the later row stands.
    HashEntry.objects.filter(pk=entry.pk).update(standing=said)
    entry.refresh_from_db(fields=["standing"])
    return HashOpinion.objects.create(entry=entry, said=said, by=by, why=why, match=match)


def withdraw(matches: HashMatchQuerySet) -> None:
    """Take back what these matches decided: other programs are told to hold the upload, which is pending again."""
    taken_back = list(matches)
    uploads = Upload.objects.filter(pk__in=[match.upload_id for match in taken_back])
    list(uploads.select_for_update(no_key=True).order_by("pk"))  # in the order of settle()
    HashMatch.objects.filter(pk__in=[match.pk for match in taken_back]).update(superseded=True)
    Effect.objects.bulk_create(
        Effect(
            upload_id=match.upload_id,
            policy_id=match.policy_id,
            match=match,
            outcome=Effect.Outcome.HOLD,
            due_at=Now(),
        )
        for match in taken_back
    )
    uploads.exclude(status__in=[Upload.Status.QUARANTINED, Upload.Status.ERASED]).update(status=Upload.Status.PENDING)
    update_status(uploads)
