"""A trial of the statistics on labelled rows: draw a sample, hide the other labels, compare with the truth."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from moderation.models.policies import DEFAULT_TARGETS
from moderation.statistics.estimates import Estimates, estimate, naive
from moderation.statistics.guarantee import Risk
from moderation.statistics.ledger import Ledger
from moderation.tuning.csv_rows import LabelledRows
from moderation.tuning.evidence import RISKS, ClaimEvidence, all_shown, edges_of, weigh_evidence


@dataclass(frozen=True, kw_only=True)
class TrialPlan:
    """The thresholds of a trial, the sampling probabilities on both sides, and the seed of the coin."""

    low: float
    high: float
    pi_approve: float
    pi_reject: float
    seed: int = 0
    bins: int = 100

    def pi(self, scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the sampling probability of each score, shape (rows,); it is 1 in the band."""
        return np.where(scores < self.low, self.pi_approve, np.where(scores >= self.high, self.pi_reject, 1.0))

    @property
    def pi_floor(self) -> dict[Risk, float]:
        """The smallest sampling probability of the uploads that can be bad, by risk."""
        approve = self.pi_approve
        return {"leak": approve, "miss": approve, "escapes": approve, "wrongful": self.pi_reject}


@dataclass(frozen=True, kw_only=True)
class CsvTrial:
    """The estimates from the drawn labels, beside the truth from all labels and naive, unweighted figures."""

    plan: TrialPlan
    rows: int
    n_labelled: int
    estimates: Estimates
    truth: Estimates
    naive: Mapping[str, float | None]
    evidence: list[ClaimEvidence]

    def as_json(self) -> dict[str, object]:
        return {
            "estimates": all_shown(self.estimates),
            "naive": dict(self.naive),
            "truth": self.true_rates,
            "certificates": [claim.as_json() for claim in self.evidence],
            "n_labelled": self.n_labelled,
            "n": self.rows,
            "seed": self.plan.seed,
        }

    @property
    def true_rates(self) -> dict[str, float | None]:
        """The rates that all labels give, by name."""
        return {name: getattr(self.truth, name).value for name in self.truth.__dataclass_fields__}


def run_trial(rows: LabelledRows, plan: TrialPlan, *, targets: Mapping[str, float] | None = None) -> CsvTrial:
    """Draw a sample of ``rows``, and estimate the error rates from its labels only.

    ``targets`` are those to weigh evidence for, by risk; by default those of a new policy.

    Raises:
        ValueError: thresholds that are not bin edges, or are out of order.
    """
    targets = DEFAULT_TARGETS if targets is None else targets
    edges, pi = edges_of(plan.bins), plan.pi(rows.scores)
    drawn = np.random.default_rng(plan.seed).random(rows.scores.size) < pi
    ledger = Ledger.from_rows(rows.scores, np.where(drawn, rows.violating, -1), drawn, pi, edges)
    everything = Ledger.from_rows(rows.scores, rows.violating, np.ones_like(drawn), 1.0, edges)
    low, high = plan.low, plan.high
    return CsvTrial(
        plan=plan,
        rows=rows.scores.size,
        n_labelled=int(drawn.sum()),
        estimates=estimate(ledger, low, high),
        truth=estimate(everything, low, high),
        naive=naive(ledger, low, high),
        evidence=[
            weigh_evidence(ledger, risk, low=low, high=high, target=targets.get(risk), pi_floor=plan.pi_floor[risk])
            for risk in RISKS
        ],
    )
