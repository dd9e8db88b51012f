"""The options, the report and the record of one run."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models.functions import Coalesce, Now

from moderation.locks import try_lock_run, unlock_run
from moderation.models import Epoch, Policy, PolicyVersion, ScreeningRun, Shadow
from moderation.models.shadows import current_shadows
from moderation.screening import attempts
from moderation.screening.modes import Mode
from moderation.screening.rulebook import Rulebook


class ScreeningFailed(Exception):
    """The pre-screen could not go on. Committed chunks stay; the rest is pending."""


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The options of the operator.

    Attributes:
        limit: most files to screen; None: no limit.
        max_seconds: hand out no more chunks after this many seconds; None: no limit.
        since: only uploads received since then.
        mode: "pending" screens pending uploads; "rescore" screens stored uploads too, by the rules in force; "shadows"
            only adds the scores of classifiers in shadow mode.
    """

    processes: int = 1
    limit: int | None = None
    max_seconds: float | None = None
    policy: str | None = None
    dry_run: bool = False
    mode: Mode = "pending"
    since: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"since": self.since and self.since.isoformat()}


@dataclass(kw_only=True)
class RunReport:
    """The results of a run. Uploads = approved + review + rejected + the sum of quarantined."""

    run: int
    counts: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    work_left: int = 0
    stopped_early: bool = False

    def as_json(self) -> dict[str, Any]:
        counts, prefix = self.counts, "quarantined:"
        return {
            "run": self.run,
            "uploads": counts["uploads"],
            "approved": counts["approve"],
            "review": counts["review"],
            "rejected": counts["reject"],
            "quarantined": {key.removeprefix(prefix): n for key, n in counts.items() if key.startswith(prefix)},
            "audits": counts["audits"],
            "untrusted": counts["untrusted"],
            "matched": counts["matched"],
            "views": counts["views"],
            "seconds": round(self.seconds, 3),
            "per_second": round(counts["uploads"] / self.seconds, 2) if self.seconds else 0.0,
        }


@dataclass(frozen=True, kw_only=True)
class RunRules:
    """The ids of the policy versions, open epochs and shadows that a run applies."""

    versions: list[int]
    epochs: list[int]
    shadows: list[int]

    @classmethod
    def in_force(cls, *, policy: str | None, mode: Mode) -> "RunRules":
        """Read the rules in one transaction. ``policy`` is the slug of the only policy; None takes all.

        Raises:
            ScreeningFailed: there are none.
        """
        with transaction.atomic():
            versions = versions_in_force(policy)
            shadows: Iterable[Shadow] = current_shadows({version.policy_id for version in versions})
            if mode == "shadows" and not shadows:
                raise ScreeningFailed(
                    "No classifier is in shadow mode, so there is nothing to score. Begin with 'manage.py classifiers "
                    "shadow NAME --policy SLUG'."
                )
            epochs = Epoch.objects.filter(closed_at=None).values_list("pk", flat=True)
            return cls(
                versions=[version.pk for version in versions],
                epochs=list(epochs),
                shadows=[shadow.pk for shadow in shadows],
            )

    def rulebook(self) -> Rulebook:
        return Rulebook.of(versions=self.versions, epochs=self.epochs, shadows=self.shadows)


def versions_in_force(policy: str | None) -> list[PolicyVersion]:
    """Return the versions that a run applies: of roots and of communities.

    Raises:
        ScreeningFailed: there is none.
    """
    versions = PolicyVersion.objects.in_force()
    if policy is not None:
        slugs = Policy.objects.in_force().values_list("slug", flat=True)
        if policy not in slugs:
            raise ScreeningFailed(f"No policy {policy!r} is in force. In force: {', '.join(slugs) or 'none'}.")
        versions = versions.filter(policy__slug=policy)
    if not versions.root().exists():
        raise ScreeningFailed("No policy is in force. Publish one on the thresholds page, or run 'manage.py demo'.")
    return list(versions)


def begin_run(options: RunOptions, *, rules: RunRules) -> ScreeningRun:
    """Record a run and lock it for as long as this process lives."""
    with transaction.atomic():  # nobody sees the run before it is locked
        run = ScreeningRun.objects.create(options=options.as_json())
        run.policy_versions.set(rules.versions)
        try_lock_run(run.pk)
    return run


def end_run(report: RunReport, *, state: ScreeningRun.State) -> None:
    """Record how the run ended, and unlock it."""
    ScreeningRun.objects.filter(pk=report.run).update(
        state=state, finished_at=Now(), counts=dict(report.counts), work_left=report.work_left
    )
    unlock_run(report.run)


def mark_dead_runs() -> None:
    """Mark runs whose command is gone as interrupted. The files of their workers are screened alone."""
    running = ScreeningRun.objects.filter(state=ScreeningRun.State.RUNNING)
    dead = [run for run in running.values_list("pk", flat=True) if try_lock_run(run)]
    attempts.suspect_all_of(ScreeningRun.objects.filter(pk__in=dead))
    # The command may have died long ago: its last commit was about the end.
    ended = Coalesce("worked_until", "started_at")
    running.filter(pk__in=dead).update(state=ScreeningRun.State.INTERRUPTED, finished_at=ended)
    for run in dead:
        unlock_run(run)
