"""From one review to many decisions: near-duplicates wait for a verdict, take it over, and lose it again.

An upload takes a verdict over where its file is in the cluster and it was screened under the same policy version by
the same classifier. That holds for uploads that a person would have to review, and for uploads that the machine
decided the other way (their decisions are no labels: the ledger counts only uploads that the coin drew).

Three verdicts are not taken over:

* on an audit, an alarm that only one person has raised;
* a benign verdict against an automatic rejection, unless the bytes are the same;
* a benign verdict for a picture with a clearly higher score, unless the bytes are the same: another picture can be made
  to have the same hash.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Exists, OuterRef

from moderation.locks import lock_clusters
from moderation.models import ClusterReview, Decision, ReviewTask, Screening, Upload, Verdict
from moderation.models.cluster_reviews import ClusterKey
from moderation.models.decisions import CONCLUSIVE, OUTCOMES
from moderation.review.consensus import TO_BE_CONFIRMED
from moderation.review.linked_decisions import Link, decide_linked, retract
from moderation.review.status import update_status
from moderation.review.tallies import tallies
from moderation.routing import Route, SamplingReason

# Decisions of the sample and those that repeat them.
SHARED_SOURCES = (Decision.Source.SAMPLE, Decision.Source.CARRIED_OVER)
PEOPLE_BEHIND_AN_ALARM = 2
# Recompressing and resizing a picture usually moves its score by less than this.
CLEARLY_HIGHER = 0.1


@dataclass(frozen=True, kw_only=True)
class ClusterVerdict:
    """A final verdict on the reviewed member of a cluster.

    Attributes:
        origin: the decision that the others are linked to.
        people: how many people of the sample gave this verdict.
    """

    verdict: Verdict
    origin: Decision
    people: int

    def applies_to(self, screening: Screening) -> bool:
        """Return whether ``screening`` takes this verdict over; see the module's docstring."""
        if screening.route == OUTCOMES[self.verdict] and not screening.drawn:
            return False  # the machine has done the same already, and nobody was to check it
        if TO_BE_CONFIRMED.get(SamplingReason(screening.sampling_reason)) == self.verdict:
            return self.people >= PEOPLE_BEHIND_AN_ALARM
        same_bytes = screening.upload.file_id == self.origin.upload.file_id
        if same_bytes or self.verdict == Verdict.VIOLATING:
            return True
        rejected_unseen = screening.route == Route.REJECT and not screening.drawn
        return not rejected_unseen and screening.score <= self.reviewed_score + CLEARLY_HIGHER

    @property
    def reviewed_score(self) -> float:
        """The score of the picture that was reviewed."""
        assert self.origin.screening is not None
        return self.origin.screening.score


@dataclass(frozen=True, kw_only=True)
class _Follower:
    """A screening that may take a verdict over, and the screening that it follows."""

    screening: Screening
    verdict: ClusterVerdict
    follows: int


def attach_to_clusters(screenings: Sequence[Screening], *, clusters: Mapping[int, int]) -> None:
    """Let new screenings wait for their cluster's verdict, or take it over; the first one of a cluster is reviewed.

    The number of statements does not grow with the number of screenings. Their tasks are open already; those that are
    decided are left alone. The caller updates the uploads' status.

    ``clusters`` holds the cluster by screening; screenings that are missing have none.
    """
    members = [each for each in sorted(screenings, key=lambda each: each.pk) if each.pk in clusters]
    if not members:
        return
    lock_clusters(clusters.values())
    tasks = {task.screening_id: task for task in _screening_tasks(members)}
    reviews = ClusterReview.objects.by_key(clusters.values())
    reviewed = [review.screening for review in reviews.values()]
    verdicts, in_review = cluster_verdicts(reviewed), _in_review(reviewed)
    followers: list[_Follower] = []
    waiting: list[ReviewTask] = []
    moved: list[ClusterReview] = []
    new: list[ClusterReview] = []
    for each in members:
        key: ClusterKey = (clusters[each.pk], each.policy_version_id, each.classifier_id)
        task, review = tasks.get(each.pk), reviews.get(key)
        if task is not None and task.decided_at is not None:
            continue
        if review is not None and (found := verdicts.get(review.screening_id)):
            followers.append(_Follower(screening=each, verdict=found, follows=review.screening_id))
        elif task is not None and review is not None and review.screening_id in in_review:
            task.waits_for_id = review.screening_id
            waiting.append(task)
        elif task is not None:
            in_review.add(each.pk)
            if review is not None:
                review.screening = each
                moved.append(review)
            else:
                reviews[key] = ClusterReview.of(each, cluster=clusters[each.pk])
                new.append(reviews[key])
    ClusterReview.objects.bulk_create(new)
    ClusterReview.objects.bulk_update(moved, ["screening"])
    ReviewTask.objects.bulk_update(waiting, ["waits_for"])
    _decide_like(followers)


def propagate_verdict(task: ReviewTask) -> None:
    """Give the verdict on ``task`` to the screenings that wait for it. Where nobody could tell, review the next one."""
    review = ClusterReview.objects.filter(screening=task.screening_id).select_related("screening").first()
    if review is None:
        return
    if found := cluster_verdicts([task.screened]).get(task.screened.pk):
        following = [*_waiting_screenings(review), *_decided_otherwise(review, verdict=found.verdict)]
        _decide_like([_Follower(screening=each, verdict=found, follows=review.screening_id) for each in following])
        update_status(Upload.objects.filter(pk__in=[each.upload_id for each in following]))
        ReviewTask.objects.undecided().filter(waits_for=review.screening_id).update(waits_for=None)
    elif not _in_review([review.screening]):
        _review_the_next(review)


def retract_propagated(task: ReviewTask, *, undo: Decision) -> None:
    """Take back what near-duplicates took over from ``task``, after an undo. They wait for it again if it is reviewed.

    Where the others' verdicts on the screening are still final, those are taken over instead.
    """
    linked = Decision.objects.live().filter(carried_from__screening=task.screening_id)
    is_reviewed = ClusterReview.objects.filter(screening=task.screening_id).exists()
    waits_for = task.screened if is_reviewed else None
    retract(linked, by=undo.reviewer, waits_for=waits_for, blind=undo.blind)
    if cluster_verdicts([task.screened]):
        propagate_verdict(task)


def cluster_verdicts(screenings: Collection[Screening]) -> dict[int, ClusterVerdict]:
    """Return the final verdicts on ``screenings``, by screening, in two statements.

    A screening is missing while its verdict is open, where nobody could tell, and where a report or an appeal found
    otherwise.
    """
    final = {
        pk: (verdict, tally.votes[verdict])
        for pk, tally in tallies(screenings).items()
        if (verdict := tally.final) is not None
    }
    return {
        pk: ClusterVerdict(verdict=verdict, origin=origins[verdict], people=max(1, votes))
        for pk, origins in _origins(final).items()
        for verdict, votes in [final[pk]]
        if verdict in origins
    }


def _origins(screenings: Collection[int]) -> dict[int, dict[str, Decision]]:
    """By screening and verdict, the first decision of the sample that gave it, or the decision it was taken from."""
    if not screenings:
        return {}
    shared = Decision.objects.live().filter(screening__in=screenings, source__in=SHARED_SOURCES, verdict__in=CONCLUSIVE)
    related = ("reviewer", "screening", "upload")
    rows = shared.select_related(*related, *(f"carried_from__{name}" for name in related)).order_by("-pk")
    found: dict[int, dict[str, Decision]] = {}
    for each in rows:
        assert each.screening_id is not None
        found.setdefault(each.screening_id, {})[each.verdict] = each.carried_from or each
    return found


def _screening_tasks(screenings: Collection[Screening]) -> Iterable[ReviewTask]:
    return ReviewTask.objects.filter(
        screening__in=[each.pk for each in screenings], kind=ReviewTask.Kind.SCREENING, withdrawn_at=None
    )


def _in_review(screenings: Collection[Screening]) -> set[int]:
    """Return those that a person is asked about now; the tasks of superseded screenings are withdrawn."""
    if not screenings:
        return set()
    asked = ReviewTask.objects.reviewable().filter(
        screening__in=[each.pk for each in screenings], kind=ReviewTask.Kind.SCREENING
    )
    return {pk for pk in asked.values_list("screening_id", flat=True) if pk is not None}


def _waiting_screenings(review: ClusterReview) -> list[Screening]:
    # Tasks that a rescore has locked are about to be withdrawn.
    tasks = (
        ReviewTask.objects.undecided()
        .filter(waits_for=review.screening_id)
        .select_for_update(skip_locked=True, of=("self",), no_key=True)
    )
    return [task.screened for task in tasks.select_related("screening__policy_version", "screening__upload")]


def _decided_otherwise(review: ClusterReview, *, verdict: Verdict) -> list[Screening]:
    """Return the cluster's members that the machine alone decided, the other way."""
    given = Decision.objects.live().verdicts().filter(screening=OuterRef("pk"))
    members = Screening.objects.live().filter(
        upload__file__fingerprint__cluster=review.cluster_id,
        policy_version=review.policy_version_id,
        classifier=review.classifier_id,
        tasks=None,
    )
    differing = members.exclude(route__in=[Route.REVIEW, OUTCOMES[verdict]]).exclude(Exists(given))
    return list(differing.select_related("policy_version", "upload").order_by("pk"))


def _review_the_next(review: ClusterReview) -> None:
    """Ask about the next member, after nobody could tell: it may show the picture better."""
    waiting = ReviewTask.objects.undecided().filter(waits_for=review.screening_id).select_related("screening")
    following = waiting.order_by("opened_at", "pk").first()
    if following is not None:
        rest = list(waiting.exclude(pk=following.pk).values_list("pk", flat=True))
        ClusterReview.objects.filter(pk=review.pk).update(screening=following.screened)
        ReviewTask.objects.filter(pk=following.pk).update(waits_for=None)
        ReviewTask.objects.filter(pk__in=rest).update(waits_for=following.screened)


def _decide_like(followers: Sequence[_Follower]) -> None:
    """Decide the followers that their verdict applies to, in a few statements; open tasks for those that have none."""
    fit = {each.screening.pk: each for each in followers if each.verdict.applies_to(each.screening)}
    if not fit:
        return
    open_tasks = ReviewTask.objects.undecided().filter(screening__in=list(fit), kind=ReviewTask.Kind.SCREENING)
    tasks = {task.screening_id: task for task in open_tasks}
    tasks |= {
        task.screening_id: task
        for task in ReviewTask.objects.open_for([each.screening for pk, each in fit.items() if pk not in tasks])
    }
    for pk, each in fit.items():
        tasks[pk].waits_for_id = each.follows
    decide_linked(
        [Link(task=tasks[pk], screening=each.screening, origin=each.verdict.origin) for pk, each in fit.items()]
    )
