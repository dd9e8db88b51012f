"""The strategy of a rescore: screen stored uploads again by the rules in force, and supersede the old screenings.

As in an ordinary run, the row locks on files are the claim and a chunk commits whole or not at all.
"""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from functools import reduce
from operator import or_

from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from moderation.models import Decision, Effect, HashMatch, Objection, ReviewTask, Screening, StoredFile, Upload
from moderation.models.review_tasks import NOT_CLAIMED
from moderation.models.uploads import UploadQuerySet
from moderation.screening import records
from moderation.screening.chunk import Chunk, UploadSlice
from moderation.screening.chunk_screening import ChunkScreener, save_rest
from moderation.screening.rulebook import Rulebook
from moderation.screening.walk import Unfinished

OPEN_TO_RESCREENING = (
    Upload.Status.PENDING,
    Upload.Status.IN_REVIEW,
    Upload.Status.APPROVED,
    Upload.Status.REJECTED,
)


def needing_rescreen(rulebook: Rulebook) -> UploadQuerySet:
    """Uploads that lack a screening by the rules in force and that nobody is reviewing."""
    lacking = reduce(or_, (lacking_screening(rulebook, policy=policy) for policy in rulebook.policies))
    unquarantined = Upload.objects.filter(status__in=OPEN_TO_RESCREENING, quarantine_reason="")
    return unquarantined.filter(lacking, ~Exists(ReviewTask.objects.held().filter(upload=OuterRef("pk"))))


def lacking_screening(rulebook: Rulebook, *, policy: int) -> Q:
    """For a query over uploads: those that a rescore screens again under ``policy``.

    Excludes uploads that were screened by the rulebook's version in its epoch, that a hash list routed, that have a
    live verdict of a person (also a propagated or reused one), or that somebody objects to: a machine neither takes
    back a person's verdict nor answers an objection.
    """
    # Two conditions of their own: the database looks each up by its index, instead of reading every decision.
    live = Screening.objects.live().filter(upload=OuterRef("pk"), policy=policy)
    decided = Decision.objects.live().verdicts().filter(
        upload=OuterRef("pk"), screening__policy=policy, screening__superseded=False
    )  # fmt: skip
    objected = Objection.objects.waiting().filter(upload=OuterRef("pk"), screening__policy=policy)
    matched = HashMatch.objects.live().filter(upload=OuterRef("pk"), policy=policy)
    untouched = ~Q(Exists(decided)) & ~Q(Exists(objected)) & ~Q(Exists(matched))
    return ~Q(Exists(live.filter(_by_rules_in_force(rulebook, policy=policy)))) & untouched


def _by_rules_in_force(rulebook: Rulebook, *, policy: int) -> Q:
    """For a query over screenings: those in the open epoch, by the version that applies to the upload's community."""
    applies = [
        Q(upload__community=community, policy_version=rulebook.version_for(policy, community_id=community))
        for community in (None, *rulebook.communities)
    ]
    return Q(epoch=rulebook.epochs[policy]) & reduce(or_, applies)


@dataclass(frozen=True)
class Rescreen:
    """Writes a new screening where the rules changed, and supersedes the old one with its open tasks.

    Sampling reason, u, pi and rate class stay those of the first screening in the epoch (``router``).
    """

    screener: ChunkScreener
    most_uploads: int

    def work(self, files: Sequence[StoredFile], *, wanted: UploadQuerySet, resumed: Unfinished | None) -> Chunk:
        part = UploadSlice.of(files, wanted=wanted, most=self.most_uploads)
        screened = self.screener.screen(part, resumed=resumed, done=self._done)
        supersede(screened.screenings)
        records.save_screenings(screened.screenings)
        hold_earlier_effects(screened.screenings)
        # A screened upload keeps its screening if its file cannot be read now: 'verify' reports the file.
        pending = [upload for upload in screened.uploads if upload.status == Upload.Status.PENDING]
        return save_rest(screened, part=part, quarantinable=pending)

    def _done(self, uploads: Sequence[Upload]) -> set[tuple[int, int]]:
        """Return the pairs that need no new screening, and those of uploads whose task was claimed meanwhile."""
        pks = {upload.pk for upload in uploads}
        undecided = ReviewTask.objects.undecided().filter(upload__in=pks)
        # Locked until the commit: nobody can claim a task that is about to be withdrawn.
        free = undecided.unheld().select_for_update(skip_locked=True, no_key=True, of=("self",))
        taken = set(undecided.exclude(pk__in=[task.pk for task in free]).values_list("upload_id", flat=True))
        policies = self.screener.policies
        return {(pk, policy) for policy in policies for pk in pks - self._lacking(pks, policy=policy) | taken}

    def _lacking(self, pks: Set[int], *, policy: int) -> set[int]:
        lacking = lacking_screening(self.screener.engine.rulebook, policy=policy)
        return set(Upload.objects.filter(lacking, pk__in=pks).values_list("pk", flat=True))


def supersede(screenings: Sequence[Screening]) -> None:
    """Supersede the live screenings that unsaved ``screenings`` replace, and withdraw their open tasks."""
    before = _live_before(screenings)
    ReviewTask.objects.undecided().filter(screening__in=before).update(withdrawn_at=Now(), **NOT_CLAIMED)
    _release_followers(before)
    Screening.objects.filter(pk__in=before).update(superseded=True)


def _live_before(screenings: Sequence[Screening]) -> list[int]:
    """Return the ids of the live screenings of the same uploads and policies."""
    wanted = {(screening.upload_id, screening.policy_id) for screening in screenings}
    live = Screening.objects.live().filter(upload__in={upload for upload, _ in wanted})
    return [pk for pk, *pair in live.values_list("pk", "upload_id", "policy_id") if tuple(pair) in wanted]


def _release_followers(screenings: Sequence[int]) -> None:
    """Ask people about the tasks that waited for a verdict on one of ``screenings``, until these are screened again.

    Tasks that another worker has locked are left to it.
    """
    followers = ReviewTask.objects.undecided().filter(waits_for__in=screenings)
    free = followers.select_for_update(skip_locked=True, no_key=True, of=("self",))
    ReviewTask.objects.filter(pk__in=[task.pk for task in free]).update(waits_for=None)


def hold_earlier_effects(screenings: Iterable[Screening]) -> None:
    """Write a hold where an earlier effect said approve or reject and a person is to review the upload now."""
    held = [screening for screening in screenings if screening.automatic_outcome == Effect.Outcome.HOLD]
    in_effect = Effect.objects.filter(upload__in={each.upload_id for each in held}, cancelled_at=None)
    reported = set(in_effect.values_list("upload_id", "policy_id"))
    records.save_effects(each for each in held if (each.upload_id, each.policy_id) in reported)
