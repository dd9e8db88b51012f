"""The pre-screen's runs of one night, added up."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.db.models import Prefetch, Q

from moderation.models import PolicyVersion, ScreeningRun

NIGHT = timedelta(hours=24)
QUARANTINED = "quarantined:"


class NoSuchRun(Exception):
    """There is no run to report on."""


@dataclass(frozen=True)
class Night:
    """The runs of one night, oldest first. Dry runs and scores of classifiers in shadow mode are not added up."""

    runs: tuple[ScreeningRun, ...]

    @classmethod
    def of(cls, run: int | None = None) -> "Night":
        """Return run number `run` alone, or all runs that started in the 24 hours up to the start of the last one.

        Raises:
            NoSuchRun: no run has that number, or there is none at all.
        """
        runs = ScreeningRun.objects.order_by("-started_at", "-pk")  # uses screeningrun_started_idx
        last = runs.filter(pk=run).first() if run is not None else runs.first()
        if last is None:
            raise NoSuchRun(
                "There is no run of the pre-screen yet. Run 'manage.py prescreen' first."
                if run is None
                else f"There is no run {run}. The page /runs/ lists all runs."
            )
        wanted = Q(pk=last.pk) if run is not None else Q(started_at__gt=last.started_at - NIGHT)
        versions = PolicyVersion.objects.select_related("policy", "classifier", "community")
        return cls(tuple(runs.filter(wanted).prefetch_related(Prefetch("policy_versions", versions)).reverse()))

    @property
    def started_at(self) -> datetime:
        return self.runs[0].started_at

    @property
    def ended_at(self) -> datetime:
        return max(run.until for run in self.runs)

    @cached_property
    def counts(self) -> Counter[str]:
        screened: Counter[str] = Counter()
        for run in self.runs:
            screened.update(run.counts if len(self.runs) == 1 or run.screens else {})
        return screened

    @property
    def quarantined(self) -> dict[str, int]:
        """Return the number of quarantined uploads by reason, the most frequent first."""
        found = {key.removeprefix(QUARANTINED): n for key, n in self.counts.items() if key.startswith(QUARANTINED)}
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))

    @cached_property
    def seconds(self) -> float:
        """Return for how long at least one run was in progress; runs at the same time count once."""
        total, until = timedelta(), self.started_at
        for run in self.runs:
            total += max(timedelta(), run.until - max(until, run.started_at))
            until = max(until, run.until)
        return total.total_seconds()

    @property
    def per_second(self) -> float:
        return self.counts["uploads"] / self.seconds if self.seconds else 0.0

    @cached_property
    def versions(self) -> list[PolicyVersion]:
        """Return the policy versions in force when the runs began: by policy, and communities after their root."""
        found = {version.pk: version for run in self.runs for version in run.policy_versions.all()}
        return sorted(found.values(), key=lambda v: (v.policy.slug, v.community_id or 0, v.number))

    def as_json(self) -> dict[str, Any]:
        counts = self.counts
        return {
            "runs": [run_as_json(run) for run in self.runs],
            "started_at": self.started_at.isoformat(),
            "ended_at": self.ended_at.isoformat(),
            "uploads": counts["uploads"],
            "approved": counts["approve"],
            "review": counts["review"],
            "rejected": counts["reject"],
            "audits": counts["audits"],
            "matched": counts["matched"],
            "quarantined": self.quarantined,
            "seconds": round(self.seconds, 1),
            "per_second": round(self.per_second, 2),
            "versions": [version_as_json(version) for version in self.versions],
        }


def run_as_json(run: ScreeningRun) -> dict[str, Any]:
    return {
        "run": run.pk,
        "state": run.state,
        "mode": run.mode,
        "dry_run": run.is_dry,
        "started_at": run.started_at.isoformat(),
        "finished_at": run.finished_at and run.finished_at.isoformat(),
        "uploads": run.counts.get("uploads", 0),
        "work_left": run.work_left,
    }


def version_as_json(version: PolicyVersion) -> dict[str, Any]:
    classifier = version.classifier
    return {
        "policy": version.policy.slug,
        "community": version.community.slug if version.community else None,
        "version": version.number,
        "low": version.low,
        "high": version.high,
        "classifier": classifier and classifier.name,
        "classifier_sha256": classifier and classifier.sha256,
        "preprocessing": classifier and classifier.preprocessing_version,
    }
