"""Score drift: how a night's scores differ from those of the 28 days before, by the ledger's counts.

Drift is shown and never trusted alone (statistics/drift.py): violations that a classifier misses need not move its
scores.
"""

from dataclasses import dataclass
from datetime import UTC, date, timedelta
from typing import Any

import numpy as np
from django.db.models import Sum

from moderation.models import LedgerRow, PolicyVersion
from moderation.reporting.night import Night
from moderation.statistics.checks import Floats
from moderation.statistics.drift import ks_of_counts, merged_to_tenths, psi_of_counts

REFERENCE = timedelta(days=28)
BINS = 101
NEVER_ALONE = (
    "Shown, never trusted alone: ten times as many hidden misses can leave it at zero. "
    "Rely on audits and on the alarm on certificates."
)


@dataclass(frozen=True, kw_only=True)
class ScoreDrift:
    """One policy's uploads by score bin, for the night's days (in UTC) and for the 28 days before.

    Both arrays have shape (101,). `psi` and `ks` are None if one of them has no uploads, as before the ledger has
    counted the night.
    """

    policy: str
    night: Floats
    reference: Floats

    @property
    def psi(self) -> float | None:
        return psi_of_counts(*merged_to_tenths(self.reference, self.night))

    @property
    def ks(self) -> float | None:
        return ks_of_counts(self.reference, self.night)

    def as_json(self) -> dict[str, Any]:
        return {
            "policy": self.policy,
            "psi": None if self.psi is None else round(self.psi, 4),
            "ks": None if self.ks is None else round(self.ks, 4),
            "uploads": int(self.night.sum()),
            "reference_uploads": int(self.reference.sum()),
            "note": NEVER_ALONE,
        }


def drift_of(night: Night) -> list[ScoreDrift]:
    roots = [version for version in night.versions if version.community_id is None]
    latest = {version.policy_id: version for version in roots}
    return [_of_policy(version, night=night) for version in latest.values()]


def _of_policy(version: PolicyVersion, *, night: Night) -> ScoreDrift:
    first, last = (moment.astimezone(UTC).date() for moment in (night.started_at, night.ended_at))
    return ScoreDrift(
        policy=version.policy.name,
        night=_counts(version, first=first, last=last),
        reference=_counts(version, first=first - REFERENCE, last=first - timedelta(days=1)),
    )


def _counts(version: PolicyVersion, *, first: date, last: date) -> Floats:
    """Return uploads by bin, over all epochs of the policy with the same classifier."""
    classifier = version.classifier
    rows = LedgerRow.objects.filter(
        # Uses one_ledger_day_per_epoch_and_day, then by one_ledger_row_per_stratum: some hundred rows a day.
        day__epoch__policy=version.policy_id,
        day__epoch__classifier=classifier,
        day__epoch__preprocessing_version=classifier.score_version if classifier else "",
        day__day__range=(first, last),
    )
    counts = np.zeros(BINS)
    for bin_, uploads in rows.values_list("bin").annotate(Sum("uploads")):
        counts[bin_] = uploads
    return counts
