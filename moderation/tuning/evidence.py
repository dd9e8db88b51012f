"""The evidence for one claim "risk < target": its e-value, its bound, and the clean checks that it still needs."""

import math
import sys
from dataclasses import asdict, dataclass, replace

import numpy as np

from moderation.formatting import fixed_percent
from moderation.models.threshold_grid import GRID, GRID_STEPS
from moderation.statistics.estimates import Estimate, Estimates
from moderation.statistics.guarantee import (
    RESPONSE_NEEDED,
    Risk,
    clean_checks_needed,
    counts_for,
    log_e_value,
    recognised,
    response_rate,
    upper_bound,
)
from moderation.statistics.ledger import Ledger
from moderation.statistics.regions import LABELS_TO_SHOW
from moderation.statistics.risks import falls_below_floor

RISKS: tuple[Risk, ...] = ("leak", "miss", "wrongful", "escapes")
# The risks and estimates that are too small if reviewers miss violations. Such a risk is tested at the target times the
# share of violations that reviewers recognise, and shown divided by that share.
UNDERSTATED: tuple[str, ...] = ("leak", "miss", "escapes", "leak_rate", "miss_rate", "escapes_10k")


def edges_of(bins: int) -> list[float]:
    """Return the edges of ``bins`` equal bins over [0, 1) and of one more for scores of exactly 1.

    With a bin of its own, a score of 1 is rejected at high = 1.
    """
    return [step / bins for step in range(bins + 1)] + [1 + 1 / bins]


# The bins of a policy's ledger: the grid of thresholds.
EDGES = [*GRID, 1 + 1 / GRID_STEPS]


@dataclass(frozen=True, kw_only=True)
class ClaimEvidence:
    """The evidence for one claim at one pair of thresholds.

    Attributes:
        target: the target to certify; None if the policy sets none.
        log_e: log of the e-value; None without a target, or if the coin never draws on this side.
        bound: the risk is below it at confidence 1 - delta, however often it is computed; None without labels.
        clean_checks_needed: further good labels, without a bad one, that would certify; None without a target.
        response: share of the drawn uploads with a verdict; None if none was drawn.
        refused: the reason why the claim cannot be certified by any evidence; empty if it can.
    """

    risk: Risk
    target: float | None
    pi_floor: float
    delta: float
    bad: list[int]
    good: list[int]
    pi: list[float]
    log_e: float | None
    bound: float | None
    clean_checks_needed: int | None
    response: float | None
    refused: str

    @property
    def needed(self) -> float:
        """The e-value from which the claim is certified."""
        return 1 / self.delta

    @property
    def e_value(self) -> float | None:
        return None if self.log_e is None else float_exp(self.log_e)

    @property
    def certified(self) -> bool:
        return not self.refused and self.log_e is not None and self.log_e >= -math.log(self.delta)

    def as_json(self) -> dict[str, object]:
        return {**asdict(self), "e_value": self.e_value, "certified": self.certified}


def float_exp(log: float) -> float:
    """Return exp(log), at most the largest float, because JSON has no infinity."""
    return math.exp(log) if log < math.log(sys.float_info.max) else sys.float_info.max


def share_recognised(name: str, *, miss_share: float) -> float:
    """Return the share of a risk or an estimate that confirmed verdicts show if one reviewer misses ``miss_share``."""
    return recognised(miss_share) if name in UNDERSTATED else 1.0


def weigh_evidence(  # noqa: PLR0913 (a claim's numbers)
    ledger: Ledger,
    risk: Risk,
    *,
    low: float,
    high: float,
    target: float | None,
    pi_floor: float,
    delta: float = 0.05,
    miss_share: float = 0.0,
    obstacle: str = "",
) -> ClaimEvidence:
    """Return the evidence of the closed days in ``ledger`` for one claim.

    Args:
        ledger: closed days, summed.
        risk: the risk that the claim is about.
        low: a bin edge.
        high: a bin edge.
        target: the claim is that the risk is below it; None for an estimate of the bound only.
        pi_floor: as declared when the epoch opened.
        delta: 1 - confidence.
        miss_share: share of violations that one reviewer misses, as the policy declares it.
        obstacle: a reason outside the ledger why the claim cannot be certified.

    Raises:
        ValueError: thresholds that are not bin edges or are out of order, a target outside (0, 1).
    """
    bad, good = counts_for(ledger, risk, low, high)
    response = response_rate(ledger, risk, low, high)
    under = falls_below_floor(ledger, risk, low, high, pi_floor=pi_floor)
    valid = pi_floor > 0 and not under
    tests_target = target is not None and valid
    numbers = (bad, good, ledger.pi)
    share = share_recognised(risk, miss_share=miss_share)
    tested = (target or 0) * share
    bound = upper_bound(*numbers, pi_floor, delta) if valid and (bad.any() or good.any()) else None
    return ClaimEvidence(
        risk=risk,
        target=target,
        pi_floor=pi_floor,
        delta=delta,
        bad=_as_ints(bad),
        good=_as_ints(good),
        pi=[float(pi) for pi in ledger.pi],
        log_e=float(log_e_value(*numbers, tested, pi_floor)) if tests_target else None,
        bound=None if bound is None else min(bound / share, 1.0),
        clean_checks_needed=clean_checks_needed(*numbers, tested, pi_floor, delta) if tests_target else None,
        response=response,
        refused=_refusal(pi_floor, under=under, response=response) or obstacle,
    )


def _as_ints(counts: np.typing.NDArray[np.float64]) -> list[int]:
    return [int(count) for count in counts]


def _refusal(pi_floor: float, *, under: bool, response: float | None) -> str:
    if pi_floor <= 0:
        return "The coin never draws these uploads, because their audit rate is 0."
    if under:
        return f"Some of these uploads were drawn with a smaller probability than the epoch's floor of {pi_floor:g}."
    if response is not None and response < RESPONSE_NEEDED:
        given, needed = fixed_percent(response), fixed_percent(RESPONSE_NEEDED)
        return f"Only {given} of the drawn uploads have a verdict; {needed} are needed."
    return ""


def shown(estimate: Estimate) -> dict[str, object]:
    """Return the estimate as JSON; without its numbers if it rests on fewer than 30 labels."""
    visible = estimate.shown and estimate.value is not None
    return {
        "value": estimate.value if visible else None,
        "low": estimate.low if visible else None,
        "high": estimate.high if visible else None,
        "n": estimate.n,
        "shown": visible,
    }


def corrected(estimates: Estimates, *, miss_share: float) -> Estimates:
    """Return the estimates corrected for violations that reviewers miss.

    Leak rate, miss rate and escapes are divided by the share of violations that reviewers recognise.
    """
    changes = {
        name: _divided(
            getattr(estimates, name),
            by=share_recognised(name, miss_share=miss_share),
            most=10_000.0 if name.endswith("_10k") else 1.0,
        )
        for name in estimates.__dataclass_fields__
    }
    return replace(estimates, **changes)


def _divided(found: Estimate, *, by: float, most: float) -> Estimate:
    parts = {name: getattr(found, name) for name in ("value", "low", "high")}
    return replace(found, **{name: part and min(part / by, most) for name, part in parts.items()})


def audits_missing(ledger: Ledger, *, low: float, high: float) -> int:
    """Return the number of verdicts that the audits of both sides still need before every rate is shown."""
    below, _, above = ledger.regions(low, high)
    return sum(max(0, LABELS_TO_SHOW - side.labels) for side in (below, above) if not side.may_be_shown)


def all_shown(estimates: Estimates) -> dict[str, dict[str, object]]:
    """Return all estimates as JSON, by name."""
    return {name: shown(getattr(estimates, name)) for name in estimates.__dataclass_fields__}
