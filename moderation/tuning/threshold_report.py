"""The report on a pair of thresholds from the ledger of a policy's epoch: estimates, evidence, a recommendation."""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from moderation.models import Certificate, Epoch, Policy, PolicyVersion
from moderation.statistics.estimates import Estimates, estimate
from moderation.statistics.fixed_sequence import MONOTONE, FixedSequence, RiskClaim, certify_on_days, goal_of
from moderation.statistics.ledger import Ledger
from moderation.statistics.recommendation import AuditRates, Costs, Recommendation, Workload, cost_10k, recommend
from moderation.statistics.risks import Risk
from moderation.tuning.agreement import ModeratorAgreement, measure_agreement
from moderation.tuning.evidence import (
    EDGES,
    RISKS,
    ClaimEvidence,
    all_shown,
    audits_missing,
    corrected,
    share_recognised,
    weigh_evidence,
)
from moderation.tuning.groups import GroupEstimate, group_estimates
from moderation.tuning.label_blindness import LabelBlindness, count_blindness
from moderation.tuning.ledger_days import ClosedDay, closed_days, total
from moderation.tuning.publishing import in_force

LAST_DAYS = 28


@dataclass(frozen=True, kw_only=True)
class ThresholdReport:
    """The report on the thresholds ``low`` and ``high`` from the closed days of the epoch.

    ``version`` is the one in force or a proposal. Its costs, targets, audit rates and share of missed violations
    count. ``certificates`` are the epoch's valid ones.
    """

    version: PolicyVersion
    epoch: Epoch
    low: float
    high: float
    days: list[ClosedDay]
    agreement: ModeratorAgreement
    blindness: LabelBlindness
    certificates: list[Certificate] = field(default_factory=list)

    def at(self, version: PolicyVersion) -> "ThresholdReport":
        """Return the report on another version, such as a proposal, from the same days."""
        return replace(self, version=version, low=version.low, high=version.high)

    @cached_property
    def total(self) -> Ledger:
        return total(self.days)

    @cached_property
    def estimates(self) -> Estimates:
        return corrected(estimate(self.total, self.low, self.high), miss_share=self.version.miss_share)

    @cached_property
    def evidence(self) -> list[ClaimEvidence]:
        return [
            weigh_evidence(
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
    def groups(self) -> list[GroupEstimate]:
        """Estimates by community, each at the thresholds in force for it; empty if there is only one group.

        The pair of this report stands in for the version's own thresholds.
        """
        root = copy(self.version)
        root.low, root.high = self.low, self.high
        return group_estimates(self.epoch, root=root)

    @property
    def targets(self) -> Mapping[str, float]:
        """The version's targets, by risk."""
        return {risk: target for risk, target in self.version.targets.items() if risk in RISKS}

    def floor(self, risk: Risk) -> float:
        """Return the pi_floor that the epoch declared for ``risk``; escapes have that of leaks."""
        floors: Mapping[str, float] = self.epoch.pi_floor
        return floors.get(risk, floors["leak"])

    def start(self, risk: Risk) -> float:
        """Return the threshold that was in force when the epoch opened, where the fixed sequence starts."""
        return self.epoch.start_high if risk == "wrongful" else self.epoch.start_low

    def goal(self, risk: Risk) -> float:
        """Return the threshold that has to be certified for this pair."""
        return goal_of(risk, start=self.start(risk), low=self.low, high=self.high)

    def claim(self, risk: Risk) -> RiskClaim | None:
        """Return the claim to test: its target is the version's times the share of violations that reviewers recognise.

        None without a target, or if the coin never draws on its side.
        """
        target, floor = self.targets.get(risk), self.floor(risk)
        if target is None or floor <= 0:
            return None
        tested = target * share_recognised(risk, miss_share=self.version.miss_share)
        return RiskClaim(risk, tested, floor, self.epoch.delta)

    def sequence(self, risk: Risk, days: Sequence[ClosedDay]) -> FixedSequence | None:
        """Return the fixed sequence on ``days`` from the epoch's start to this pair; None without a claim or a day."""
        claim = self.claim(risk)
        if claim is None or not days:
            return None
        start, goal = self.start(risk), self.goal(risk)
        return certify_on_days([day.ledger for day in days], claim, start=start, goal=goal)

    def obstacle(self, risk: Risk) -> str:
        """Return the reason why the claim cannot be certified by its own evidence; empty if it can."""
        return self.agreement.refusal or self._sequence_obstacle(risk)

    def _sequence_obstacle(self, risk: Risk) -> str:
        start, goal = self.start(risk), self.goal(risk)
        side = "high" if risk == "wrongful" else "low"
        if (goal > start) if risk == "wrongful" else (goal < start):
            return f"The sequence starts at {side} {start:.2f}. Only a new epoch can start it elsewhere."
        # No candidate comes before the start itself.
        found = self.sequence(risk, self.days) if goal != start else None
        if found is None or found.stopped_at in {None, goal}:
            return ""
        return f"Certify {side} {found.stopped_at:.2f} first: the sequence goes step by step from {start:.2f}."

    def certificate(self, risk: Risk) -> Certificate | None:
        """Return the valid certificate that covers this pair and its target; of several, the one that ends last."""
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
        """The version's audit rates; None if one of them is 0."""
        rates = self.version.audit_rate_approve, self.version.audit_rate_reject
        return AuditRates(*rates) if all(rates) else None

    @property
    def costs(self) -> Costs:
        """The version's costs."""
        return Costs(miss=self.version.cost_miss, wrong=self.version.cost_wrongful, review=self.version.cost_review)

    @cached_property
    def cost_10k(self) -> float | None:
        """The cost of 10,000 uploads, for choosing only; None without labels, or if an audit rate is 0."""
        if not self.days or self.audits is None:
            return None
        return cost_10k(self.total, self.costs, self.audits, self.low, self.high)

    @cached_property
    def recommendation(self) -> Recommendation | None:
        """The recommended pair; None without a closed day, or if an audit rate of 0 leaves a side without evidence."""
        if not self.days or self.audits is None or min(self.floor(risk) for risk in RISKS) <= 0:
            return None
        recent = [day.ledger for day in self.days[-LAST_DAYS:]]
        workload = Workload(
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
            workload,
        )

    @property
    def audits_missing(self) -> int:
        """The number of verdicts that the audits of both sides still need before every rate is shown."""
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
            "blindness": self.blindness.as_json(),
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
            "recommendation": self.recommendation and self.recommendation.as_json(),
        }


def report_for(policy: Policy, *, low: float | None = None, high: float | None = None) -> ThresholdReport:
    """Return the report on the policy's version in force, or on another pair of thresholds.

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
        agreement=measure_agreement(epoch),
        blindness=count_blindness(epoch),
        certificates=list(Certificate.objects.valid().filter(epoch=epoch).order_by("risk", "pk")),
    )


def _pair(version: PolicyVersion, *, low: float | None, high: float | None) -> dict[str, float]:
    pair = {"low": version.low if low is None else low, "high": version.high if high is None else high}
    nothing = [[0]] * (len(EDGES) - 1)
    Ledger(EDGES, nothing, nothing, nothing, [1.0]).regions(**pair)
    return pair
