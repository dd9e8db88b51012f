"""Rules about review tasks, verdicts and near-duplicates."""

from collections.abc import Iterator

from django.db.models import Count, Exists, F, OuterRef, Q

from moderation import routing
from moderation.models import Decision, Fingerprint, ReviewTask, Screening
from moderation.models.frames import BLURRED, CLEAR, FrameView
from moderation.models.screenings import frames_by_screening
from moderation.verification.findings import Finding, batches


def decided_tasks_have_one_live_verdict() -> Iterator[Finding]:
    live = Q(decisions__superseded_by=None) & ~Q(decisions__kind=Decision.Kind.UNDO)
    tasks = ReviewTask.objects.annotate(verdicts=Count("decisions", filter=live & Q(decisions__isnull=False)))
    wrong = Q(decided_at__isnull=False) & ~Q(verdicts=1) | Q(decided_at=None) & ~Q(verdicts=0)
    for task in tasks.filter(wrong).select_related("upload").iterator():
        state = "decided" if task.decided_at else "undecided"
        yield str(task), f"{state} with {task.verdicts} live verdicts"  # type: ignore[attr-defined]


def screenings_that_need_a_person_have_tasks() -> Iterator[Finding]:
    needed = Screening.objects.live().filter(Q(route=routing.Route.REVIEW) | ~Q(sampling_reason="none"))
    for screening in needed.filter(tasks=None).select_related("upload", "policy").iterator():
        yield str(screening), "a person has to review it and there is no task"


def undecided_tasks_have_renditions() -> Iterator[Finding]:
    tasks = ReviewTask.objects.undecided().select_related(
        "upload__file", "screening__upload", "screening__policy_version"
    )
    for batch in batches(tasks.iterator()):
        frames = frames_by_screening([task.screening for task in batch if task.screening])
        for task in batch:
            shown = frames[task.screening_id] if task.screening_id else [FrameView(0)]
            yield from _missing_renditions(task, shown)


def _missing_renditions(task: ReviewTask, frames: list[FrameView]) -> Iterator[Finding]:
    for frame in frames:
        for variant in (CLEAR, BLURRED):
            if not frame.rendition(task.upload.file.sha256, variant=variant).exists():
                yield str(task), f"the {variant} rendition of frame {frame.frame} is missing"


def near_duplicates_belong_to_a_cluster() -> Iterator[Finding]:
    """Clusters have no chains: the representative of each file represents itself."""
    chained = Fingerprint.objects.exclude(cluster__fingerprint__cluster=F("cluster"))
    for each in chained.select_related("file", "cluster").iterator():
        yield f"file {each.file}", f"is in the cluster of {each.cluster}, which is in another cluster"


def waiting_tasks_wait_for_a_review() -> Iterator[Finding]:
    """A task that waits for another screening's verdict can get it: that screening has a reviewable task."""
    reviewable = ReviewTask.objects.reviewable().filter(screening=OuterRef("waits_for"), kind=ReviewTask.Kind.SCREENING)
    waiting = ReviewTask.objects.undecided().filter(~Exists(reviewable), waits_for__isnull=False)
    for task in waiting.select_related("upload").iterator():
        yield str(task), "waits for the verdict on a near-duplicate that nobody is asked to review"


def linked_decisions_follow_their_origin() -> Iterator[Finding]:
    linked = Decision.objects.live().filter(carried_from__isnull=False)
    for decision in linked.exclude(verdict=F("carried_from__verdict")).iterator():
        yield f"decision {decision.pk}", f"{decision.verdict}, unlike decision {decision.carried_from_id}, its origin"
    for decision in linked.filter(carried_from__superseded_by__isnull=False).iterator():
        yield f"decision {decision.pk}", "the decision that it was carried over from was undone"
