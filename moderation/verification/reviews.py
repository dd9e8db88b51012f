"""What people are asked, and what they said."""

from collections.abc import Iterator

from django.db.models import Count, Exists, F, OuterRef, Q

from moderation import routing
from moderation.models import Decision, Fingerprint, ReviewTask, Screening
from moderation.models.frames import BLURRED, CLEAR
from moderation.verification.findings import Finding


def decided_tasks_have_one_live_verdict() -> Iterator[Finding]:
    live = Q(decisions__superseded_by=None) & ~Q(decisions__kind=Decision.Kind.UNDO)
    tasks = ReviewTask.objects.annotate(verdicts=Count("decisions", filter=live & Q(decisions__isnull=False)))
    wrong = Q(decided_at__isnull=False) & ~Q(verdicts=1) | Q(decided_at=None) & ~Q(verdicts=0)
    for task in tasks.filter(wrong).iterator():
        state = "decided" if task.decided_at else "undecided"
        yield str(task), f"{state} with {task.verdicts} live verdicts"  # type: ignore[attr-defined]


def asked_people_have_tasks() -> Iterator[Finding]:
    asked = Screening.objects.live().filter(Q(route=routing.Route.REVIEW) | ~Q(sampling_reason="none"))
    for screening in asked.filter(tasks=None).iterator():
        yield str(screening), "a person is to look and there is no task"


def undecided_tasks_have_renditions() -> Iterator[Finding]:
    for task in ReviewTask.objects.undecided().select_related("upload__file", "screening").iterator():
        for shot in task.ranked_frames:
            for variant in (CLEAR, BLURRED):
                if not shot.rendition(task.upload.file.sha256, variant=variant).exists():
                    yield str(task), f"the {variant} rendition of frame {shot.frame} is missing"


def near_duplicates_belong_to_a_cluster() -> Iterator[Finding]:
    """No chains: each file lies within the radius of the one that stands for it."""
    chained = Fingerprint.objects.exclude(cluster__fingerprint__cluster=F("cluster"))
    for each in chained.select_related("file", "cluster").iterator():
        yield f"file {each.file}", f"counts as {each.cluster}, which counts as another one itself"


def waiting_tasks_wait_for_a_look() -> Iterator[Finding]:
    """What a task waits for is itself being asked about, or is decided for good."""
    asked = ReviewTask.objects.asking().filter(screening=OuterRef("waits_for"), kind=ReviewTask.Kind.SCREENING)
    for task in ReviewTask.objects.undecided().filter(~Exists(asked), waits_for__isnull=False).iterator():
        yield str(task), "waits for the verdict on a near-duplicate that nobody is asked about"


def linked_decisions_follow_their_origin() -> Iterator[Finding]:
    linked = Decision.objects.live().filter(carried_from__isnull=False)
    for decision in linked.exclude(verdict=F("carried_from__verdict")).iterator():
        yield f"decision {decision.pk}", f"{decision.verdict}, unlike decision {decision.carried_from_id}, its origin"
    for decision in linked.filter(carried_from__superseded_by__isnull=False).iterator():
        yield f"decision {decision.pk}", "what it was carried over from was undone"
