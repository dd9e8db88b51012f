"""From scores to screenings: combine labels, apply thresholds, draw the audit sample."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from moderation import routing
from moderation.models import PolicyVersion, Score, Screening, ScreeningRun, Upload
from moderation.routing import Draw, Route
from moderation.screening.rulebook import Rulebook
from moderation.screening.scored_files import FileScores


@dataclass(frozen=True)
class Router:
    """Turns scores into screenings by one run's rulebook. Pure arithmetic is in ``moderation.routing``."""

    rulebook: Rulebook
    run: ScreeningRun

    def screenings(
        self, uploads: Sequence[Upload], *, scores: Mapping[int, FileScores], skipped: Set[tuple[int, int]]
    ) -> list[Screening]:
        """Build the screenings of ``uploads`` under each policy, unsaved, except (upload, policy) in ``skipped``.

        ``scores`` is by file.
        """
        draws = self._first_draws(uploads)
        return [
            self._screening(
                upload, root=root, scores=scores[upload.file_id], first=draws.get((upload.pk, root.policy_id))
            )
            for upload in uploads
            for root in self.rulebook.roots
            if (upload.pk, root.policy_id) not in skipped
        ]

    def scores_for(self, policy_id: int, scores: FileScores) -> dict[str, Score]:
        """Return the scores of a file that the policy combines, by label."""
        root = self.rulebook.root(policy_id)
        assert root.classifier is not None
        return {label: scores[root.classifier.pk][label] for label in root.labels}

    def _first_draws(self, uploads: Sequence[Upload]) -> dict[tuple[int, int], Draw]:
        """Return the draws of the first screenings in the current epochs, which later screenings keep."""
        earlier = Screening.objects.filter(upload__in=uploads, epoch__in=self.rulebook.epochs.values())
        return {(screening.upload_id, screening.policy_id): screening.draw for screening in earlier.order_by("-pk")}

    def _screening(self, upload: Upload, *, root: PolicyVersion, scores: FileScores, first: Draw | None) -> Screening:
        assert root.classifier is not None
        version = self.rulebook.version_for(root.policy_id, community_id=upload.community_id)
        found = self.scores_for(root.policy_id, scores)
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
