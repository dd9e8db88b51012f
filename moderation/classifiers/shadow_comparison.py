"""Compare a classifier in shadow mode with the active one: their scores, and the routes that would change."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import Case, Count, F, FloatField, IntegerField, Q, Value, When
from django.db.models.functions import Abs, Now

from moderation.classifiers.errors import AdoptionRefused
from moderation.models import PolicyVersion, Score, Screening, Shadow
from moderation.models.frames import FrameView, ranked_frames
from moderation.models.screenings import ScreeningQuerySet
from moderation.models.threshold_grid import GRID, GRID_STEPS
from moderation.routing import Route
from moderation.statistics.joint_histogram import JointHistogram, Pair
from moderation.tuning.counts import WINDOW, WidthBucket, step

ROUTES = (Route.APPROVE, Route.REVIEW, Route.REJECT)
_GRID = Value(GRID, output_field=ArrayField(FloatField()))
MOST_FLIPS = 1000


@dataclass(frozen=True, kw_only=True)
class RouteFlip:
    """An upload that would take another route.

    Attributes:
        screening: the live one, by the active classifier.
        now: its route by the active classifier.
        then: its route by the classifier in shadow mode.
        shadow: the score of the classifier in shadow mode.
        frame_view: the frame that has this score.
    """

    screening: Screening
    now: Route
    then: Route
    shadow: float
    frame_view: FrameView

    def as_json(self) -> dict[str, Any]:
        upload = self.screening.upload
        return {
            "upload": upload.pk,
            "source": upload.source,
            "external_id": upload.external_id,
            "from": str(self.now),
            "to": str(self.then),
            "score": self.screening.score,
            "shadow_score": self.shadow,
        }


@dataclass(frozen=True, kw_only=True)
class ShadowComparison:
    """A shadow compared with its policy's active classifier, over uploads of the last 28 days that both have scored.

    Attributes:
        version: the version in force.
        stated: the candidate thresholds that somebody gave, or None for those that keep the shares in force.
    """

    shadow: Shadow
    version: PolicyVersion
    stated: tuple[float, float] | None = None

    @classmethod
    def of(cls, shadow: Shadow, *, low: float | None = None, high: float | None = None) -> "ShadowComparison":
        """Compare at the given candidate thresholds, or without any at those that keep the shares.

        Raises:
            AdoptionRefused: one threshold alone, off the grid, or low above high.
        """
        version = PolicyVersion.objects.root().in_force().select_related("classifier", "policy")
        return cls(shadow=shadow, version=version.get(policy=shadow.policy), stated=stated_pair(low, high))

    @cached_property
    def histogram(self) -> JointHistogram:
        """Uploads by both scores, counted in one query."""
        binned = self._recent(scored=True).annotate(
            now=WidthBucket(F("score"), _GRID) - 1, then=WidthBucket(F("shadow"), _GRID) - 1
        )
        rows = binned.values_list("now", "then").annotate(uploads=Count("pk"))
        return JointHistogram({(now, then): uploads for now, then, uploads in rows}, GRID_STEPS)

    @cached_property
    def unscored(self) -> int:
        """Number of uploads of the same days without a shadow score; `prescreen --shadows` adds the scores."""
        return self._recent(scored=False).count()

    @property
    def in_force(self) -> Pair:
        return step(self.version.low), step(self.version.high)

    @cached_property
    def candidate(self) -> Pair:
        if self.stated:
            return step(self.stated[0]), step(self.stated[1])
        return self.histogram.same_shares(self.in_force)

    @property
    def low(self) -> float:
        return GRID[self.candidate[0]]

    @property
    def high(self) -> float:
        return GRID[self.candidate[1]]

    @cached_property
    def flows(self) -> dict[tuple[Route, Route], int]:
        """Number of uploads by (route now, route then), including unchanged routes."""
        found = self.histogram.flows(self.in_force, self.candidate)
        return {(ROUTES[now], ROUTES[then]): uploads for (now, then), uploads in found.items()}

    @property
    def flipped(self) -> int:
        return sum(uploads for (now, then), uploads in self.flows.items() if now != then)

    def uploads(self, route: Route, *, then: bool) -> int:
        """Return the number of uploads that take ``route`` now, or with ``then`` would take it."""
        return sum(uploads for routes, uploads in self.flows.items() if routes[then] == route)

    def share(self, route: Route, *, then: bool) -> float:
        total = self.histogram.total
        return self.uploads(route, then=then) / total if total else 0.0

    def flips(self, *, way: tuple[Route, Route] | None = None) -> Any:
        """Return screenings whose route would change, annotated with ``shadow``, ``now`` and ``then``, worst first.

        A change between approval and rejection comes before the others, then the larger difference of the scores.
        """
        both = self._recent(scored=True).select_related("upload__file")
        found = self.routed(both).exclude(now=F("then"))
        if way is not None:
            found = found.filter(now=ROUTES.index(way[0]), then=ROUTES.index(way[1]))
        return found.order_by(Abs(F("now") - F("then")).desc(), Abs(F("score") - F("shadow")).desc(), "pk")

    def routed(self, screenings: ScreeningQuerySet) -> Any:
        """Annotate screenings that have ``shadow`` with their region ``now`` and ``then``."""
        return screenings.annotate(
            now=_region("score", self.version.low, self.version.high), then=_region("shadow", self.low, self.high)
        )

    def described(self, screenings: list[Screening]) -> list[RouteFlip]:
        """Return rows of ``flips()`` as RouteFlips, each with the frame that the shadow's score comes from."""
        frame_views = self._frame_views(screenings)
        return [
            RouteFlip(
                screening=row,
                now=ROUTES[row.now],  # type: ignore[attr-defined]  # annotated by flips()
                then=ROUTES[row.then],  # type: ignore[attr-defined]
                shadow=row.shadow,  # type: ignore[attr-defined]
                frame_view=frame_views[row.upload.file_id],
            )
            for row in screenings
        ]

    def as_json(self, *, flips: int = MOST_FLIPS) -> dict[str, Any]:
        """Return the report, with the ``flips`` worst changes of route."""
        return {
            "policy": self.version.policy.slug,
            "active": _classifier_json(self.version),
            "shadow": _classifier_json(self.shadow),
            "ended": self.shadow.ended_at is not None,
            "uploads": self.histogram.total,
            "unscored": self.unscored,
            "in_force": {"low": self.version.low, "high": self.version.high},
            "candidate": {"low": self.low, "high": self.high, "stated": self.stated is not None},
            "rank_correlation": self.histogram.rank_correlation(),
            "shares": {str(route): self._share_json(route) for route in ROUTES},
            "flipped": self.flipped,
            "flows": [
                {"from": str(now), "to": str(then), "uploads": n} for (now, then), n in sorted(self.flows.items())
            ],
            "flips": [flip.as_json() for flip in self.described(list(self.flips()[:flips]))],
        }

    def _share_json(self, route: Route) -> dict[str, float]:
        now, then = self.share(route, then=False), self.share(route, then=True)
        return {"now": now, "then": then, "change": then - now}

    def _recent(self, *, scored: bool) -> ScreeningQuerySet:
        has_score = {"shadow__isnull": not scored}
        return self.shadow.comparable_screenings().filter(created_at__gte=Now() - WINDOW, **has_score)

    def _frame_views(self, screenings: list[Screening]) -> dict[int, FrameView]:
        """Return the frame with the worst shadow score, by the id of the file."""
        scores = Score.objects.by(self.shadow.classifier).filter(
            file__in={row.upload.file_id for row in screenings}, label__in=self.shadow.labels
        )
        return {score.file_id: ranked_frames([score])[0] for score in scores.order_by("value")}


def stated_pair(low: float | None, high: float | None) -> tuple[float, float] | None:
    """Return both thresholds, or None where neither is given.

    Raises:
        AdoptionRefused: one threshold alone, off the grid, or low above high.
    """
    if low is None and high is None:
        return None
    if low is None or high is None:
        raise AdoptionRefused("Give both --low and --high, or neither. Without them, the shares in force are kept.")
    check_pair(low, high)
    return low, high


def check_pair(low: float, high: float) -> None:
    """Raise AdoptionRefused unless both thresholds lie on the grid, in order."""
    for name, value in (("--low", low), ("--high", high)):
        if not any(abs(value - each) < 1e-9 for each in GRID):
            raise AdoptionRefused(f"{name} {value:g} is not accepted. Give a multiple of 0.01 from 0 to 1.")
    if low > high:
        raise AdoptionRefused(f"--low {low:g} is above --high {high:g}. Give low <= high.")


def _region(score: str, low: float, high: float) -> Case:
    return Case(
        When(Q(**{f"{score}__lt": low}), then=0),
        When(Q(**{f"{score}__gte": high}), then=2),
        default=1,
        output_field=IntegerField(),
    )


def _classifier_json(source: PolicyVersion | Shadow) -> Mapping[str, Any]:
    assert source.classifier is not None
    return {
        "name": source.classifier.name,
        "sha256": source.classifier.sha256,
        "preprocessing_version": source.classifier.preprocessing_version,
        "labels": source.labels,
        "combination": source.combination,
    }
