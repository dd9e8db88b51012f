"""From scores to rows: screenings, tasks, effects, quarantine, and matches with hash lists.

Everything for one chunk, in a few statements.
"""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from django.db.models.functions import Now

from moderation import routing
from moderation.decoding.sandbox import RefusedFile
from moderation.models import (
    Effect,
    HashMatch,
    PolicyVersion,
    ReviewTask,
    Score,
    Screening,
    ScreeningRun,
    Upload,
    update_status,
)
from moderation.review.exact_duplicates import reuse_verdicts
from moderation.review.near_duplicates import attach_to_clusters
from moderation.routing import Draw, Route
from moderation.screening.engine import Rulebook
from moderation.screening.scored_files import FileScores

STRICTEST_FIRST = (Route.REJECT, Route.REVIEW, Route.APPROVE)


def needs_person(screening: Screening) -> bool:
    """Whether a task is to be opened: the route asks for a person, or the coin does."""
    return screening.route == Route.REVIEW or screening.drawn


@dataclass(frozen=True)
class Router:
    """Turns scores into screenings by one run's rulebook."""

    rulebook: Rulebook
    run: ScreeningRun

    def screenings(
        self, uploads: Sequence[Upload], *, scores: Mapping[int, FileScores], done: Set[tuple[int, int]]
    ) -> list[Screening]:
        """Unsaved screenings of ``uploads`` under each policy but for those (upload, policy) that are ``done``.

        ``scores`` is by file.
        """
        draws = self._first_draws(uploads)
        return [
            self._screening(
                upload, root=root, scores=scores[upload.file_id], first=draws.get((upload.pk, root.policy_id))
            )
            for upload in uploads
            for root in self.rulebook.roots
            if (upload.pk, root.policy_id) not in done
        ]

    def ruling(self, policy_id: int, scores: FileScores) -> dict[str, Score]:
        """Of a file's scores, those that make the policy's, by label."""
        root = self.rulebook.root(policy_id)
        assert root.classifier is not None
        return {label: scores[root.classifier.pk][label] for label in root.labels}

    def _first_draws(self, uploads: Sequence[Upload]) -> dict[tuple[int, int], Draw]:
        """What the coin showed at the first screening in this epoch: it stays, whatever was re-scored since."""
        earlier = Screening.objects.filter(upload__in=uploads, epoch__in=self.rulebook.epochs.values())
        return {(screening.upload_id, screening.policy_id): screening.draw for screening in earlier.order_by("-pk")}

    def _screening(self, upload: Upload, *, root: PolicyVersion, scores: FileScores, first: Draw | None) -> Screening:
        assert root.classifier is not None
        version = self.rulebook.version_for(root.policy_id, community_id=upload.community_id)
        found = self.ruling(root.policy_id, scores)
        score = root.combine({label: each.value for label, each in found.items()})
        within = routing.region(score, low=version.low, high=version.high)
        worst = max(found.values(), key=lambda each: each.value)
        draw = first or self._draw(upload, version=version, within=within, untrusted=bool(worst.untrusted))
        return Screening(
            upload=upload,
            policy=root.policy,
            policy_version=version,
            epoch=self.rulebook.epochs[root.policy_id],
            run=self.run,
            classifier=root.classifier,
            preprocessing_version=root.classifier.score_version,
            score=score,
            frame=worst.frame,
            view=worst.view,
            box=worst.box,
            untrusted=worst.untrusted,
            low=version.low,
            high=version.high,
            route=routing.route(within, draw=draw, fallback=version.rates.fallback),
            u=draw.u,
            pi=draw.pi,
            sampling_reason=draw.reason,
            rate_class=draw.rate_class,
            group=self.rulebook.group(upload.community_id),
        )

    def _draw(self, upload: Upload, *, version: PolicyVersion, within: Route, untrusted: bool) -> Draw:
        secret = bytes(self.rulebook.epochs[version.policy_id].secret)
        u = routing.coin(secret, upload_id=upload.pk, policy_id=version.policy_id)
        return routing.draw(u, within=within, rates=version.rates, untrusted=untrusted)


def save_screenings(screenings: Sequence[Screening]) -> None:
    """Write screenings with what follows from them: tasks for people, effects of what was decided automatically."""
    saved = Screening.objects.bulk_create(screenings)
    reuse_verdicts(ReviewTask.objects.open_for([screening for screening in saved if needs_person(screening)]))
    clusters = {screening.pk: screening.duplicate_cluster for screening in saved if screening.duplicate_cluster}
    attach_to_clusters(saved, clusters=clusters, tasks=ReviewTask.objects.all())
    Effect.objects.bulk_create(
        Effect(
            upload_id=screening.upload_id,
            policy_id=screening.policy_id,
            screening=screening,
            outcome=screening.automatic_outcome,
            due_at=Now(),
        )
        for screening in saved
        if screening.automatic_outcome != Effect.Outcome.HOLD
    )


def save_matches(matches: Sequence[HashMatch]) -> None:
    """Write what hash lists know, with its effects. Nobody is asked, and no ledger counts it."""
    Effect.objects.bulk_create(
        Effect(
            upload_id=match.upload_id,
            policy_id=match.policy_id,
            match=match,
            outcome=match.automatic_outcome,
            due_at=Now(),
        )
        for match in HashMatch.objects.bulk_create(matches)
    )


def quarantine(refusals: Mapping[int, RefusedFile], *, uploads: Sequence[Upload]) -> Counter[str]:
    """Put the uploads of files that can't be read safely aside. ``refusals`` is by file; returns uploads by reason."""
    counts: Counter[str] = Counter()
    for file_id, refusal in refusals.items():
        of_file = [upload.pk for upload in uploads if upload.file_id == file_id]
        Upload.objects.filter(pk__in=of_file).quarantine(reason=refusal.reason, detail=refusal.detail)
        counts[f"quarantined:{refusal.reason}"] += len(of_file)
    return counts


def count(screenings: Sequence[Screening], matches: Sequence[HashMatch] = ()) -> Counter[str]:
    """Uploads, also by their strictest route, how many the coin drew for an audit, and how many scores are untrusted.

    Also how many of them a hash list routed, under one policy at least.
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


def settle_all(uploads: Sequence[Upload]) -> None:
    update_status(Upload.objects.filter(pk__in=[upload.pk for upload in uploads]))
