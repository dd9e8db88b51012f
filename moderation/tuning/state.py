"""What the ledger of a policy's epoch says about a pair of thresholds: estimates, evidence, a recommendation."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property, reduce
from operator import add

import numpy as np
from django.db.models import Sum

from moderation.models import Certificate, Epoch, LedgerDay, LedgerRow, Policy, PolicyVersion
from moderation.statistics.choice import AuditRates, Costs, Recommendation, Situation, recommend
from moderation.statistics.guarantee import Claim, Risk, first_certified
from moderation.statistics.ledger import Estimates, Ledger, estimate
from moderation.statistics.regions import LABELS_TO_SHOW
from moderation.statistics.risks import falls_below_floor
from moderation.tuning.evidence import EDGES, RISKS, Evidence, all_shown, evidence
from moderation.tuning.publishing import in_force

LAST_DAYS = 28
# The statistics take no probability of 0: a class that no coin reaches has no labels, and lies below every floor.
NEVER = 1e-12


@dataclass(frozen=True, kw_only=True)
class ClosedDay:
    day: date
    ledger: Ledger


def closed_days(epoch: Epoch) -> list[ClosedDay]:
    """The epoch's closed days in order, up to the first open one; groups summed, all over the same rate classes."""
    days = LedgerDay.objects.closed_prefix(epoch)
    rows = list(
        LedgerRow.objects.filter(day__in=days)
        .values_list("day_id", "bin", "region", "pi")
        .annotate(*(Sum(name) for name in ("uploads", "labelled", "violating", "missing")))
    )
    classes = sorted({(pi, region) for _, _, region, pi, *_ in rows})
    column = {key: k for k, key in enumerate(classes)}
    tables: dict[int, np.typing.NDArray[np.float64]] = defaultdict(
        lambda: np.zeros((4, len(EDGES) - 1, max(len(classes), 1)))
    )
    for day, bin_, region, pi, *counts in rows:
        tables[day][:, bin_, column[pi, region]] += counts
    pis = [max(pi, NEVER) for pi, _ in classes] or [1.0]
    return [ClosedDay(day=day.day, ledger=_ledger(tables[day.pk], pis)) for day in days]


def _ledger(table: np.typing.NDArray[np.float64], pis: Sequence[float]) -> Ledger:
    uploads, labelled, violating, missing = table
    return Ledger(EDGES, uploads, labelled, violating, pis, missing)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What is known about the thresholds ``low`` and ``high`` from the closed days of the epoch of ``version``."""

    version: PolicyVersion
    epoch: Epoch
    low: float
    high: float
    days: list[ClosedDay]

    @property
    def total(self) -> Ledger:
        return reduce(add, (day.ledger for day in self.days))

    @cached_property
    def estimates(self) -> Estimates:
        return estimate(self.total, self.low, self.high)

    @cached_property
    def evidence(self) -> list[Evidence]:
        total, delta = self.total, self.epoch.delta
        return [
            evidence(
                total, risk, low=self.low, high=self.high, target=self.targets.get(risk), pi_floor=self.floor(risk),
                delta=delta,
            )
            for risk in RISKS
        ]  # fmt: skip

    @property
    def targets(self) -> Mapping[str, float]:
        return {risk: target for risk, target in self.version.targets.items() if risk in RISKS}

    def floor(self, risk: Risk) -> float:
        """The epoch's declared floor; escapes have that of leaks."""
        floors: Mapping[str, float] = self.epoch.pi_floor
        return floors.get(risk, floors["leak"])

    def first_certified(self, risk: Risk) -> int | None:
        """The first closed day (from 0) at whose end the claim had evidence enough, or None."""
        target, floor = self.targets.get(risk), self.floor(risk)
        if target is None or not self.days or floor <= 0:
            return None
        if falls_below_floor(self.total, risk, self.low, self.high, pi_floor=floor):
            return None
        claim = Claim(risk, target, floor, self.epoch.delta)
        return first_certified([day.ledger for day in self.days], claim, low=self.low, high=self.high)

    @cached_property
    def recommendation(self) -> Recommendation | None:
        """The cheapest certified pair; None where an audit rate of 0 leaves nothing to go by."""
        rates = self.version.audit_rate_approve, self.version.audit_rate_reject
        if not self.days or not all(rates) or min(self.floor(risk) for risk in RISKS) <= 0:
            return None
        version = self.version
        situation = Situation(
            audits=AuditRates(*rates),
            daily=np.stack([day.ledger.uploads.sum(axis=1) for day in self.days[-LAST_DAYS:]]),
            start=(self.epoch.start_low, self.epoch.start_high),
            pi_floor={risk: self.floor(risk) for risk in RISKS},
            delta=self.epoch.delta,
        )
        return recommend(
            [day.ledger for day in self.days],
            Costs(miss=version.cost_miss, wrong=version.cost_wrongful, review=version.cost_review),
            {risk: self.targets[risk] for risk in RISKS if risk in self.targets},
            version.capacity,
            (version.low, version.high),
            situation,
        )

    @property
    def audits_missing(self) -> int:
        """How many more verdicts the audits of both sides need until every rate is shown."""
        below, _, above = self.total.regions(self.low, self.high)
        return sum(max(0, LABELS_TO_SHOW - side.labels) for side in (below, above) if not side.answered_for)

    @property
    def certificates(self) -> list[Certificate]:
        return list(Certificate.objects.valid().filter(epoch=self.epoch).order_by("risk", "pk"))

    def as_json(self) -> dict[str, object]:
        report: dict[str, object] = {
            "policy": self.version.policy.slug,
            "epoch": self.epoch.pk,
            "low": self.low,
            "high": self.high,
            "closed_days": len(self.days),
            "first_day": self.days[0].day.isoformat() if self.days else None,
            "last_day": self.days[-1].day.isoformat() if self.days else None,
            "certificates": [certificate.content for certificate in self.certificates],
        }
        if not self.days:
            return report | {"estimates": {}, "evidence": [], "recommendation": None, "n_labelled": 0}
        return report | {
            "n_labelled": int(self.total.labelled.sum()),
            "estimates": all_shown(self.estimates),
            "evidence": [claim.as_json() for claim in self.evidence],
            "recommendation": _told(self.recommendation),
        }


def _told(found: Recommendation | None) -> dict[str, object] | None:
    if found is None:
        return None
    best = found.best and {"low": found.best.low, "high": found.best.high, "cost_10k": found.best.cost_10k}
    return {"best": best, "binding": found.binding, "short_by": found.short_by}


def find(policy: Policy, *, low: float | None = None, high: float | None = None) -> Finding:
    """What the ledger says of the policy in force, or of another pair of thresholds.

    Raises:
        ValueError: a threshold that is not on the grid, or low above high.
    """
    version = in_force(policy)
    assert version.epoch is not None
    epoch = Epoch.objects.filter(policy=policy, closed_at=None).first() or version.epoch
    pair = version.low if low is None else low, version.high if high is None else high
    Ledger(EDGES, [[0]] * (len(EDGES) - 1), [[0]] * (len(EDGES) - 1), [[0]] * (len(EDGES) - 1), [1.0]).regions(*pair)
    return Finding(version=version, epoch=epoch, low=pair[0], high=pair[1], days=closed_days(epoch))
