"""Screening again what is stored: by the rules in force now, or by the classifiers in the shadow alone.

As in the pre-screen, the row locks on files are the claim and a chunk commits whole or not at all.
"""

from collections import Counter
from collections.abc import Iterable, Sequence, Set
from functools import reduce
from operator import or_

from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from moderation.decoding.sandbox import RefusedFile
from moderation.models import (
    Decision,
    Effect,
    HashMatch,
    Objection,
    ReviewTask,
    Score,
    Screening,
    Shadow,
    StoredFile,
    Upload,
)
from moderation.models.queue import NOT_CLAIMED
from moderation.models.uploads import UploadQuerySet
from moderation.screening.chunk import Screener
from moderation.screening.engine import Rulebook
from moderation.screening.scored_files import score_files

SCREENED = (Upload.Status.IN_REVIEW, Upload.Status.APPROVED, Upload.Status.REJECTED)
NOTHING = Q(pk__in=[])


def unsettled(rulebook: Rulebook, *, policy: int) -> Q:
    """For a query over uploads: those that a rescore screens again under ``policy``.

    Not what was screened by the version and in the epoch of the rulebook, nor what a hash list routed; nor that on
    which a person's verdict stands, however it came about: a machine does not take back what a person said, nor answer
    what somebody objects to.
    """
    # Two conditions of their own: the database looks each up by its index, instead of reading every decision.
    live = Screening.objects.live().filter(upload=OuterRef("pk"), policy=policy)
    said = Decision.objects.live().verdicts().filter(
        upload=OuterRef("pk"), screening__policy=policy, screening__superseded=False
    )  # fmt: skip
    objected = Objection.objects.waiting().filter(upload=OuterRef("pk"), screening__policy=policy)
    matched = HashMatch.objects.live().filter(upload=OuterRef("pk"), policy=policy)
    untouched = ~Q(Exists(said)) & ~Q(Exists(objected)) & ~Q(Exists(matched))
    return ~Q(Exists(live.filter(_by_its_version(rulebook, policy=policy)))) & untouched


def _by_its_version(rulebook: Rulebook, *, policy: int) -> Q:
    """Screened in the epoch, by the version of the upload's community or of the nearest above it."""
    own = [
        Q(upload__community=community, policy_version=rulebook.version_for(policy, community_id=community))
        for community in (None, *rulebook.communities)
    ]
    return Q(epoch=rulebook.epochs[policy]) & reduce(or_, own)


def needing_rescreen(rulebook: Rulebook) -> UploadQuerySet:
    """Uploads that lack a screening by the rules in force and that nobody is looking at."""
    lacking = reduce(or_, (unsettled(rulebook, policy=root.policy_id) for root in rulebook.roots))
    open_to_it = Upload.objects.filter(status__in=[Upload.Status.PENDING, *SCREENED], quarantine_reason="")
    return open_to_it.filter(lacking, ~Exists(ReviewTask.objects.held().filter(upload=OuterRef("pk"))))


class Rescreener(Screener):
    """Writes a new screening where the rules changed; it supersedes the old one and what waits because of that.

    Coin, u and pi stay those of the first screening in the epoch (``records.Router``).
    """

    def wanted(self) -> UploadQuerySet:
        return needing_rescreen(self.engine.rulebook).received_since(self.since)

    def fresh_since(self) -> None:
        """All in one walk: what is stored is as old as it is."""

    def first_file(self) -> int:
        return 0

    def may_start_again(self) -> bool:
        """What can't be read now is wanted still: one walk is enough."""
        return False

    def done(self, uploads: Sequence[Upload]) -> set[tuple[int, int]]:
        """Settled ones; and those of uploads whose task somebody took since they were chosen."""
        pks = {upload.pk for upload in uploads}
        waiting = ReviewTask.objects.undecided().filter(upload__in=pks)
        # Locked until we commit: nobody can claim what is about to be withdrawn.
        free = waiting.unheld().select_for_update(skip_locked=True, no_key=True, of=("self",))
        taken = set(waiting.exclude(pk__in=[task.pk for task in free]).values_list("upload_id", flat=True))
        return {(pk, policy) for policy in self.policies for pk in pks - self._unsettled(pks, policy=policy) | taken}

    def _unsettled(self, pks: Set[int], *, policy: int) -> set[int]:
        again = unsettled(self.engine.rulebook, policy=policy)
        return set(Upload.objects.filter(again, pk__in=pks).values_list("pk", flat=True))

    def save(self, screenings: Sequence[Screening]) -> None:
        before = _now_live(screenings)
        ReviewTask.objects.undecided().filter(screening__in=before).update(withdrawn_at=Now(), **NOT_CLAIMED)
        _let_go(before)
        Screening.objects.filter(pk__in=before).update(superseded=True)
        super().save(screenings)
        hold_what_took_effect(screenings)

    def quarantine(self, refusals: dict[int, RefusedFile], *, uploads: Sequence[Upload]) -> Counter[str]:
        """What was screened once and can't be read now keeps what it has: `verify` says what is wrong with its file."""
        pending = [upload for upload in uploads if upload.status == Upload.Status.PENDING]
        return super().quarantine(refusals, uploads=pending)


def _let_go(screenings: Sequence[int]) -> None:
    """Who waited for one of these is asked, until it is screened again itself; another worker may be at that."""
    followers = ReviewTask.objects.undecided().filter(waits_for__in=screenings)
    free = followers.select_for_update(skip_locked=True, no_key=True, of=("self",))
    ReviewTask.objects.filter(pk__in=[task.pk for task in free]).update(waits_for=None)


def _now_live(screenings: Sequence[Screening]) -> list[int]:
    """The screenings that unsaved ones are to supersede."""
    wanted = {(screening.upload_id, screening.policy_id) for screening in screenings}
    live = Screening.objects.live().filter(upload__in={upload for upload, _ in wanted})
    return [pk for pk, *pair in live.values_list("pk", "upload_id", "policy_id") if tuple(pair) in wanted]


def hold_what_took_effect(screenings: Iterable[Screening]) -> None:
    """Where an earlier effect said approve or reject and a person is to look now, what other programs know is: hold."""
    asked = [screening for screening in screenings if screening.automatic_outcome == Effect.Outcome.HOLD]
    known = set(
        Effect.objects.filter(upload__in={each.upload_id for each in asked}, cancelled_at=None).values_list(
            "upload_id", "policy_id"
        )
    )
    Effect.objects.bulk_create(
        Effect(
            upload_id=each.upload_id,
            policy_id=each.policy_id,
            screening=each,
            outcome=Effect.Outcome.HOLD,
            due_at=Now(),
        )
        for each in asked
        if (each.upload_id, each.policy_id) in known
    )


def needing_shadow_scores(shadows: Sequence[Shadow]) -> UploadQuerySet:
    """Screened uploads whose file a classifier in the shadow has not scored."""
    lacking = reduce(or_, map(_unscored, shadows), NOTHING)
    return Upload.objects.filter(lacking, status__in=SCREENED, file__erased_at=None)


def _unscored(shadow: Shadow) -> Q:
    live = Screening.objects.live().filter(upload=OuterRef("pk"), policy=shadow.policy_id)
    known = Score.objects.by(shadow.classifier).filter(file=OuterRef("file"))
    unknown = (~Q(Exists(known.filter(label=label))) for label in shadow.labels)
    return Q(Exists(live)) & reduce(or_, unknown)


class ShadowScorer(Screener):
    """Adds the scores of classifiers in the shadow to what is stored, and nothing else."""

    def wanted(self) -> UploadQuerySet:
        return needing_shadow_scores(self.engine.rulebook.shadows).received_since(self.since)

    def fresh_since(self) -> None:
        """All in one walk: what is stored is as old as it is."""

    def first_file(self) -> int:
        return 0

    def may_start_again(self) -> bool:
        """What can't be read now is wanted still: one walk is enough."""
        return False

    def _work(self, claimed: Sequence[StoredFile], uploads: Sequence[Upload]) -> Counter[str]:
        seen = score_files(self.engine, claimed)
        scored = sum(upload.file_id not in seen.refusals for upload in uploads)
        return Counter(uploads=scored, unread=len(seen.refusals), views=seen.views)


SCREENERS: dict[str, type[Screener]] = {"pending": Screener, "rescore": Rescreener, "shadows": ShadowScorer}
