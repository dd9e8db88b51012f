"""What the ledger of a policy's epoch says about a pair of thresholds: estimates, evidence, a recommendation."""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from moderation.models import Certificate, Epoch, Policy, PolicyVersion
from moderation.statistics.guarantee import Claim, Risk
from moderation.statistics.ledger import Estimates, Ledger, estimate
from moderation.statistics.recommendation import AuditRates, Costs, Recommendation, Workload, cost_10k, recommend
from moderation.tuning.agreement import Agreement, agreement
from moderation.tuning.evidence import (
    EDGES,
    RISKS,
    Evidence,
    all_shown,
    audits_missing,
    corrected,
    evidence,
    share_recognised,
)
from moderation.tuning.fixed_sequence import MONOTONE, Walk, goal_of, walk
from moderation.tuning.groups import Group, group_estimates
from moderation.tuning.ledger_days import ClosedDay, closed_days, total
from moderation.tuning.publishing import in_force

LAST_DAYS = 28


@dataclass(frozen=True, kw_only=True)
class ThresholdReport:
    """What is known about the thresholds ``low`` and ``high`` from the closed days of the epoch.

    ``version`` gives costs, targets, audit rates and what reviewers miss: the one in force, or a proposal.
    """

    version: PolicyVersion
    epoch: Epoch
    low: float
    high: float
    days: list[ClosedDay]
    agreement: Agreement
    # Of the epoch; neither withdrawn nor at their end.
    certificates: list[Certificate] = field(default_factory=list)

    def at(self, version: PolicyVersion) -> "ThresholdReport":
        """What the same days say of the thresholds, rates and costs of another version, a proposal say."""
        return replace(self, version=version, low=version.low, high=version.high)

    @cached_property
    def total(self) -> Ledger:
        return total(self.days)

    @cached_property
    def estimates(self) -> Estimates:
        return corrected(estimate(self.total, self.low, self.high), miss_share=self.version.miss_share)

    @cached_property
    def evidence(self) -> list[Evidence]:
        return [
            evidence(
                self.total,
                risk,
                low=self.low,
                high=self.high,
                target=self.targets.get(risk),
                pi_floor=self.floor(risk),
                delta=self.epoch.delta,
                miss_share=self.version.miss_share,
                obstacle=self.obstacle(risk),
            )
            for risk in RISKS
        ]

    @cached_property
    def groups(self) -> list[Group]:
        """Estimates by community, each by the thresholds that it goes by; none where there is one group alone."""
        return group_estimates(self.epoch, root=self._as_asked)

    @property
    def _as_asked(self) -> PolicyVersion:
        """The version with the pair that is asked about, for those who go by it."""
        asked = copy(self.version)
        asked.low, asked.high = self.low, self.high
        return asked

    @property
    def targets(self) -> Mapping[str, float]:
        return {risk: target for risk, target in self.version.targets.items() if risk in RISKS}

    def floor(self, risk: Risk) -> float:
        """The epoch's declared floor; escapes have that of leaks."""
        floors: Mapping[str, float] = self.epoch.pi_floor
        return floors.get(risk, floors["leak"])

    def start(self, risk: Risk) -> float:
        return self.epoch.start_high if risk == "wrongful" else self.epoch.start_low

    def goal(self, risk: Risk) -> float:
        """The threshold that has to be certified for this pair."""
        return goal_of(risk, start=self.start(risk), low=self.low, high=self.high)

    def claim(self, risk: Risk) -> Claim | None:
        """What is tested: the target times what reviewers recognise. None without a target, or without a coin."""
        target, floor = self.targets.get(risk), self.floor(risk)
        if target is None or floor <= 0:
            return None
        return Claim(risk, target * share_recognised(risk, miss_share=self.version.miss_share), floor, self.epoch.delta)

    def walk(self, risk: Risk, days: Sequence[ClosedDay]) -> Walk | None:
        """The fixed sequence on ``days`` from where the epoch began to this pair; None without a claim or a day."""
        claim = self.claim(risk)
        return walk(days, claim, start=self.start(risk), goal=self.goal(risk)) if claim and days else None

    def obstacle(self, risk: Risk) -> str:
        """Why the claim can't be certified whatever its own evidence; empty where it can."""
        return self.agreement.refusal or self._out_of_turn(risk)

    def _out_of_turn(self, risk: Risk) -> str:
        start, goal = self.start(risk), self.goal(risk)
        side = "high" if risk == "wrongful" else "low"
        if (goal > start) if risk == "wrongful" else (goal < start):
            return f"The epoch began with {side} {start:.2f}; only a new epoch can begin the sequence elsewhere."
        # At the start itself there is nothing before it.
        found = self.walk(risk, self.days) if goal != start else None
        if found is None or found.stopped_at in {None, goal}:
            return ""
        return (
            f"Not before {side} {found.stopped_at:.2f} is certified: they come one after the other from {start:.2f} on."
        )

    def certificate(self, risk: Risk) -> Certificate | None:
        """The valid certificate that says at least what is asked of this pair, the one that holds longest."""
        target = self.targets.get(risk)
        if target is None:
            return None
        found = [each for each in self.certificates if each.risk == risk and self._covers(each, target=target)]
        return max(found, key=lambda each: each.ends_at, default=None)

    def _covers(self, certificate: Certificate, *, target: float) -> bool:
        if certificate.target > target:
            return False
        if certificate.risk in MONOTONE:
            return certificate.low >= self.low
        return certificate.high == self.high if certificate.risk == "wrongful" else certificate.low == self.low

    @property
    def audits(self) -> AuditRates | None:
        """The version's audit rates; None where one of them is 0."""
        rates = self.version.audit_rate_approve, self.version.audit_rate_reject
        return AuditRates(*rates) if all(rates) else None

    @property
    def costs(self) -> Costs:
        version = self.version
        return Costs(miss=version.cost_miss, wrong=version.cost_wrongful, review=version.cost_review)

    @cached_property
    def cost_10k(self) -> float | None:
        """What 10,000 uploads cost here, for choosing only. None without labels, or where an audit rate is 0."""
        if not self.days or self.audits is None:
            return None
        return cost_10k(self.total, self.costs, self.audits, self.low, self.high)

    @cached_property
    def recommendation(self) -> Recommendation | None:
        """The cheapest certified pair; None where an audit rate of 0 leaves nothing to go by."""
        if not self.days or self.audits is None or min(self.floor(risk) for risk in RISKS) <= 0:
            return None
        recent = [day.ledger for day in self.days[-LAST_DAYS:]]
        situation = Workload(
            audits=self.audits,
            daily=np.stack([ledger.by_score.uploads.sum(axis=1) for ledger in recent]),
            untrusted=np.array([ledger.size - ledger.by_score.size for ledger in recent]),
            start=(self.epoch.start_low, self.epoch.start_high),
            pi_floor={risk: self.floor(risk) for risk in RISKS},
            delta=self.epoch.delta,
        )
        claims = {risk: claim for risk in RISKS if (claim := self.claim(risk))}
        return recommend(
            [day.ledger for day in self.days],
            self.costs,
            {risk: claim.target for risk, claim in claims.items()},
            self.version.capacity,
            (self.version.low, self.version.high),
            situation,
        )

    @property
    def audits_missing(self) -> int:
        """How many more verdicts the audits of both sides need until every rate is shown."""
        return audits_missing(self.total, low=self.low, high=self.high)

    def as_json(self) -> dict[str, object]:
        report: dict[str, object] = {
            "policy": self.version.policy.slug,
            "epoch": self.epoch.pk,
            "low": self.low,
            "high": self.high,
            "miss_share": self.version.miss_share,
            "closed_days": len(self.days),
            "first_day": self.days[0].day.isoformat() if self.days else None,
            "last_day": self.days[-1].day.isoformat() if self.days else None,
            "agreement": self.agreement.as_json(),
            "certificates": [certificate.content for certificate in self.certificates],
            "groups": [group.as_json() for group in self.groups],
        }
        if not self.days:
            return report | {"estimates": {}, "evidence": [], "recommendation": None, "n_labelled": 0, "cost_10k": None}
        return report | {
            "n_labelled": int(self.total.labelled.sum()),
            "estimates": all_shown(self.estimates),
            "evidence": [claim.as_json() for claim in self.evidence],
            "cost_10k": self.cost_10k,
            "recommendation": _told(self.recommendation),
        }


def _told(found: Recommendation | None) -> dict[str, object] | None:
    if found is None:
        return None
    best = found.best and {"low": found.best.low, "high": found.best.high, "cost_10k": found.best.cost_10k}
    return {"best": best, "binding": found.binding, "short_by": found.short_by}


def report_for(policy: Policy, *, low: float | None = None, high: float | None = None) -> ThresholdReport:
    """What the ledger says of the policy in force, or of another pair of thresholds.

    Raises:
        ValueError: a threshold that is not on the grid, or low above high.
    """
    version = in_force(policy)
    assert version.epoch is not None
    epoch = Epoch.objects.filter(policy=policy, closed_at=None).first() or version.epoch
    return ThresholdReport(
        version=version,
        epoch=epoch,
        **_pair(version, low=low, high=high),
        days=closed_days(epoch),
        agreement=agreement(epoch),
        certificates=list(Certificate.objects.valid().filter(epoch=epoch).order_by("risk", "pk")),
    )


def _pair(version: PolicyVersion, *, low: float | None, high: float | None) -> dict[str, float]:
    pair = {"low": version.low if low is None else low, "high": version.high if high is None else high}
    nothing = [[0]] * (len(EDGES) - 1)
    Ledger(EDGES, nothing, nothing, nothing, [1.0]).regions(**pair)
    return pair
