"""From one look to many decisions: who waits for a verdict, takes it over, and loses it again.

Who may take a verdict over: an upload whose file is in the cluster, screened under the same policy version by the same
classifier. One that a person is to look at does so; so does one that nobody was to look at, where the machine did
otherwise (it is no label, whatever becomes of it: the ledger counts what the coin drew). Not without a look: an alarm
that only one person has raised, on an audit; and unless it is on the same bytes, a benign verdict against an automatic
reject, or for a picture with a clearly higher score: a hash can be met by another picture on purpose.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models import Exists, F, OuterRef
from django.db.models.functions import Now

from moderation.models.cluster_reviews import ClusterKey, ClusterReview, lock_clusters
from moderation.models.decisions import OUTCOMES, Decision, DecisionQuerySet, Verdict
from moderation.models.effects import Effect
from moderation.models.people import User
from moderation.models.queue import ReviewTaskQuerySet
from moderation.models.screenings import Screening
from moderation.models.uploads import Upload
from moderation.review.consensus import TO_BE_CONFIRMED, VerdictTally
from moderation.review.status import update_status
from moderation.routing import Route, SamplingReason

if TYPE_CHECKING:
    from moderation.models.review_tasks import ReviewTask

SHARED = (Decision.Source.SAMPLE, Decision.Source.CARRIED_OVER)
PEOPLE_BEHIND_AN_ALARM = 2
# Recompressed and resized, a picture's score moves by less than this as a rule.
CLEARLY_HIGHER = 0.1


@dataclass(frozen=True, kw_only=True)
class ClusterVerdict:
    """A final verdict, the decision that others are linked to, and how many people said so."""

    verdict: Verdict
    origin: Decision
    people: int

    @classmethod
    def of(cls, screening: Screening) -> "ClusterVerdict | None":
        """None while it is open, where nobody could tell, or where a report or an appeal found otherwise."""
        said = VerdictTally.on(screening)
        if said.consensus is None or said.needs_another:
            return None
        same = Decision.objects.live().filter(screening=screening, verdict=said.consensus, source__in=SHARED)
        first = (
            same.select_related("carried_from__reviewer", "carried_from__screening", "reviewer", "screening")
            .order_by("pk")
            .first()
        )
        if first is None or _overruled(screening, said.consensus):
            return None
        return cls(
            verdict=said.consensus, origin=first.carried_from or first, people=max(1, said.votes[said.consensus])
        )

    def holds_for(self, screening: Screening, *, same_bytes: bool) -> bool:
        if TO_BE_CONFIRMED.get(SamplingReason(screening.sampling_reason)) == self.verdict:
            return self.people >= PEOPLE_BEHIND_AN_ALARM
        if same_bytes or self.verdict == Verdict.VIOLATING:
            return True
        unasked = screening.route == Route.REJECT and not screening.drawn
        return not unasked and screening.score <= self.score + CLEARLY_HIGHER

    @property
    def score(self) -> float:
        """Of the picture that was looked at."""
        assert self.origin.screening is not None
        return self.origin.screening.score


def _overruled(screening: Screening, verdict: Verdict) -> bool:
    sample = Decision.objects.live().conclusive().filter(screening=screening, source__in=SHARED)
    return sample.exclude(verdict=verdict).exists() and not sample.filter(verdict=verdict).exists()


def attach_to_clusters(
    screenings: Sequence[Screening], *, clusters: Mapping[int, int], tasks: ReviewTaskQuerySet
) -> None:
    """Let new screenings wait for their cluster's look, or take its verdict over; the first one is looked at.

    ``clusters`` is by screening. Their tasks are open already. The caller settles the uploads.
    """
    members = [each for each in sorted(screenings, key=lambda each: each.pk) if each.pk in clusters]
    lock_clusters(clusters.values())
    asked = {task.screening_id: task for task in tasks.undecided().filter(screening__in=members, kind="screening")}
    looks = ClusterReview.objects.by_key(clusters.values())
    precedents = {look.pk: ClusterVerdict.of(look.screening) for look in looks.values()}
    waiting: dict[int, list[int]] = {}
    new: list[ClusterReview] = []
    for each in members:
        key: ClusterKey = (clusters[each.pk], each.policy_version_id, each.classifier_id)
        task, look = asked.get(each.pk), looks.get(key)
        if look is not None and (found := precedents.get(look.pk)):
            _decide_like([each], found, look=look, tasks=tasks)
        elif task is not None and look is not None and _is_open(look.screening, tasks=tasks):
            waiting.setdefault(look.screening_id, []).append(task.pk)
        elif task is not None and look is not None:
            ClusterReview.objects.hand_on(look, to=each)
        elif task is not None:
            looks[key] = ClusterReview.at(each, cluster=clusters[each.pk])
            new.append(looks[key])
    ClusterReview.objects.bulk_create(new)
    for screening, pks in waiting.items():
        tasks.filter(pk__in=pks).update(waits_for=screening)


def _is_open(screening: Screening, *, tasks: ReviewTaskQuerySet) -> bool:
    """Whether somebody is being asked about it; a superseded screening's tasks are withdrawn."""
    return tasks.undecided().filter(screening=screening, kind="screening", waits_for=None).exists()


def propagate_verdict(task: "ReviewTask") -> None:
    """After a verdict: who waits for this screening takes it over, or is asked, where nobody could tell."""
    look = ClusterReview.objects.filter(screening=task.screened).select_related("screening").first()
    if look is None:
        return
    tasks = type(task).objects.all()
    if found := ClusterVerdict.of(task.screened):
        _decide_like(_waiting(look, tasks=tasks), found, look=look, tasks=tasks)
        _decide_like(_decided_otherwise(look, found), found, look=look, tasks=tasks)
        tasks.undecided().filter(waits_for=look.screening).update(waits_for=None)
    elif not _is_open(look.screening, tasks=tasks):
        _review_the_next(look, tasks=tasks)


def _waiting(look: ClusterReview, *, tasks: ReviewTaskQuerySet) -> list[Screening]:
    # What a rescore holds is about to be withdrawn.
    held = (
        tasks.undecided()
        .filter(waits_for=look.screening)
        .select_for_update(skip_locked=True, of=("self",), no_key=True)
    )
    return [task.screened for task in held.select_related("screening__policy_version", "screening__upload")]


def _decided_otherwise(look: ClusterReview, found: ClusterVerdict) -> list[Screening]:
    """Members that the machine alone decided, the other way."""
    said = Decision.objects.live().verdicts().filter(screening=OuterRef("pk"))
    members = Screening.objects.live().filter(
        upload__file__fingerprint__cluster=look.cluster_id,
        policy_version=look.policy_version_id,
        classifier=look.classifier_id,
        tasks=None,
    )
    differing = members.exclude(route__in=[Route.REVIEW, OUTCOMES[found.verdict]]).exclude(Exists(said))
    return list(differing.select_related("policy_version", "upload").order_by("pk"))


def _review_the_next(look: ClusterReview, *, tasks: ReviewTaskQuerySet) -> None:
    """Nobody could tell: the next member may show it better."""
    waiting = tasks.undecided().filter(waits_for=look.screening).select_related("screening")
    following = waiting.order_by("opened_at", "pk").first()
    if following is not None:
        rest = list(waiting.exclude(pk=following.pk).values_list("pk", flat=True))
        ClusterReview.objects.hand_on(look, to=following.screened)
        tasks.filter(pk=following.pk).update(waits_for=None)
        tasks.filter(pk__in=rest).update(waits_for=following.screened)


def _decide_like(
    screenings: Iterable[Screening], found: ClusterVerdict, *, look: ClusterReview, tasks: ReviewTaskQuerySet
) -> None:
    """Write a decision linked to the precedent for each of ``screenings`` that it holds for, with its effect."""
    bytes_seen = found.origin.upload.file_id
    fit = [each for each in screenings if found.holds_for(each, same_bytes=each.upload.file_id == bytes_seen)]
    fit = [each for each in fit if each.route != OUTCOMES[found.verdict] or each.drawn]
    known = {task.screening_id: task for task in tasks.undecided().filter(screening__in=fit, kind="screening")}
    new = tasks.open_for([each for each in fit if each.pk not in known])
    mine = [*known.values(), *new]
    tasks.filter(pk__in=[task.pk for task in mine]).update(decided_at=Now(), waits_for=look.screening)
    of = {each.pk: each for each in fit}
    decisions = Decision.objects.bulk_create(_linked(task, of[task.screened.pk], found) for task in mine)
    Effect.objects.bulk_create(
        Effect(
            upload_id=each.upload_id,
            policy_id=of[each.screening_id].policy_id,
            decision=each,
            outcome=each.outcome,
            due_at=Now() + timedelta(seconds=settings.GRACE_SECONDS),
        )
        for each in decisions
        if each.screening_id and each.outcome != of[each.screening_id].automatic_outcome
    )
    update_status(Upload.objects.filter(pk__in=[each.upload_id for each in decisions]))


def _linked(task: "ReviewTask", screening: Screening, found: ClusterVerdict) -> Decision:
    return Decision(
        task=task,
        upload_id=task.upload_id,
        screening=screening,
        reviewer=found.origin.reviewer,
        round=task.round,
        attempt=task.attempt,
        source=Decision.Source.CARRIED_OVER,
        carried_from=found.origin,
        verdict=found.verdict,
        reason=found.origin.reason,
        blind=False,
    )


def retract_propagated(task: "ReviewTask", *, by: User) -> None:
    """After an undo: what was taken over from this screening is taken back, and waits for it again if it is shared."""
    tasks = type(task).objects.all()
    linked = Decision.objects.live().filter(carried_from__screening=task.screened)
    is_shared = ClusterReview.objects.filter(screening=task.screened).exists()
    retract(linked, by=by, tasks=tasks, waits_for=task.screened if is_shared else None)
    if ClusterVerdict.of(task.screened):
        propagate_verdict(task)


def retract(linked: DecisionQuerySet, *, by: User, tasks: ReviewTaskQuerySet, waits_for: Screening | None) -> None:
    """Undo linked decisions with their effects; their tasks are open again."""
    rows = [
        each for each in linked.select_related("screening__policy_version", "upload") if not _stands_otherwise(each)
    ]
    undos = Decision.objects.bulk_create(
        Decision(
            task_id=each.task_id, upload_id=each.upload_id, screening_id=each.screening_id, reviewer=by,
            round=each.round, attempt=each.attempt, kind=Decision.Kind.UNDO, supersedes=each,
        )
        for each in rows
    )  # fmt: skip
    screenings = [each.screening for each in rows if each.screening is not None]
    for undo, each, screening in zip(undos, rows, screenings, strict=True):
        Effect.objects.take_back(each, because=undo, restore=screening.automatic_outcome)
    tasks.filter(pk__in=[each.task_id for each in rows]).update(
        decided_at=None, attempt=F("attempt") + 1, waits_for=waits_for
    )
    update_status(Upload.objects.filter(pk__in=[each.upload_id for each in rows]))


def _stands_otherwise(linked: Decision) -> bool:
    """A report or an appeal on this very upload was decided since: that stands, whatever becomes of its duplicates."""
    return Decision.objects.live().conclusive().filter(screening=linked.screening, pk__gt=linked.pk).exists()
