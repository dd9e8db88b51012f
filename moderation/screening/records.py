"""Rows that follow from screenings and matches: tasks, effects, quarantine and statuses.

Each function writes the rows of one chunk in a few statements.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from django.db.models.functions import Now

from moderation.decoding.sandbox import RefusedFile
from moderation.models import Effect, HashMatch, ReviewTask, Screening, Upload
from moderation.review.exact_duplicates import reuse_verdicts
from moderation.review.near_duplicates import attach_to_clusters
from moderation.review.status import update_status
from moderation.routing import Route

STRICTEST_FIRST = (Route.REJECT, Route.REVIEW, Route.APPROVE)


def needs_person(screening: Screening) -> bool:
    """Whether a task is to be opened: the route asks for a person, or the coin does."""
    return screening.route == Route.REVIEW or screening.drawn


def save_screenings(screenings: Sequence[Screening]) -> None:
    """Write screenings, the tasks of those that need a person, and the effects of the automatic routes."""
    saved = Screening.objects.bulk_create(screenings)
    reuse_verdicts(ReviewTask.objects.open_for([screening for screening in saved if needs_person(screening)]))
    clusters = {screening.pk: screening.duplicate_cluster for screening in saved if screening.duplicate_cluster}
    attach_to_clusters(saved, clusters=clusters)
    save_effects(screening for screening in saved if screening.automatic_outcome != Effect.Outcome.HOLD)


def save_matches(matches: Sequence[HashMatch]) -> None:
    """Write matches with hash lists and their effects. They open no task, and no ledger counts them."""
    save_effects(HashMatch.objects.bulk_create(matches))


def save_effects(causes: Iterable[Screening | HashMatch]) -> None:
    """Write the effect of each automatic outcome, due at the commit."""
    Effect.objects.bulk_create(
        Effect(
            upload_id=cause.upload_id,
            policy_id=cause.policy_id,
            screening=cause if isinstance(cause, Screening) else None,
            match=cause if isinstance(cause, HashMatch) else None,
            outcome=cause.automatic_outcome,
            due_at=Now(),
        )
        for cause in causes
    )


def quarantine(refusals: Mapping[int, RefusedFile], *, uploads: Sequence[Upload]) -> Counter[str]:
    """Quarantine the uploads of files that cannot be read safely.

    ``refusals`` is by file. Returns the number of uploads as ``quarantined:<reason>``.
    """
    counts: Counter[str] = Counter()
    for file_id, refusal in refusals.items():
        of_file = [upload.pk for upload in uploads if upload.file_id == file_id]
        Upload.objects.filter(pk__in=of_file).quarantine(reason=refusal.reason, detail=refusal.detail)
        counts[f"quarantined:{refusal.reason}"] += len(of_file)
    return counts


def count(screenings: Sequence[Screening], matches: Sequence[HashMatch] = ()) -> Counter[str]:
    """Count uploads: all, by strictest route, audited, untrusted, and matched (routed by a hash list).

    An upload counts once, however many policies there are.
    """
    routes: dict[int, set[str]] = {}
    for upload, route in [*((s.upload_id, s.route) for s in screenings), *((m.upload_id, m.route) for m in matches)]:
        routes.setdefault(upload, set()).add(route)
    counts = Counter(str(next(route for route in STRICTEST_FIRST if route in found)) for found in routes.values())
    counts["uploads"] = len(routes)
    counts["audits"] = len({s.upload_id for s in screenings if s.sampling_reason.startswith("audit_")})
    counts["untrusted"] = len({s.upload_id for s in screenings if s.untrusted})
    counts["matched"] = len({match.upload_id for match in matches})
    return counts


def update_statuses(uploads: Sequence[Upload]) -> None:
    """Recompute the status of ``uploads``."""
    update_status(Upload.objects.filter(pk__in=[upload.pk for upload in uploads]))
