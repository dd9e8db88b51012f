"""What the labels say about one claim "risk < target": the evidence, the bound, the clean checks that are missing."""

import math
import sys
from dataclasses import asdict, dataclass, replace

import numpy as np

from moderation.models.threshold_grid import GRID, GRID_STEPS
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
from moderation.statistics.ledger import Estimate, Estimates, Ledger
from moderation.statistics.regions import LABELS_TO_SHOW
from moderation.statistics.risks import falls_below_floor

RISKS: tuple[Risk, ...] = ("leak", "miss", "wrongful", "escapes")
# What reviewers who miss violations make too small: tested at the target times their share, shown divided by it.
UNDERSTATED: tuple[str, ...] = ("leak", "miss", "escapes", "leak_rate", "miss_rate", "escapes_10k")


def edges_of(bins: int) -> list[float]:
    """``bins`` equal bins over [0, 1), and one more for scores of exactly 1: from high = 1 on they are rejected."""
    return [step / bins for step in range(bins + 1)] + [1 + 1 / bins]


# A policy's ledger: the thresholds' own grid.
EDGES = [*GRID, 1 + 1 / GRID_STEPS]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The state of one claim at one pair of thresholds.

    Attributes:
        target: what is to be certified; None where nobody asked.
        e_value: certified from 1/delta on; None without a target, or where no coin reaches the side.
        bound: the risk is below it at confidence 1 - delta, at any number of looks; None where there is no label.
        clean_checks_needed: further good labels, none bad, that would certify; None without a target.
        response: share of the drawn uploads with a verdict; None without any.
        refused: why the claim can't be certified whatever the evidence; empty where it can.
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
    """exp, and the largest float where it would be more: JSON has no infinity."""
    return math.exp(log) if log < math.log(sys.float_info.max) else sys.float_info.max


def share_recognised(name: str, *, miss_share: float) -> float:
    """By how much confirmed verdicts understate a risk or an estimate, where one person misses ``miss_share``."""
    return recognised(miss_share) if name in UNDERSTATED else 1.0


def evidence(  # noqa: PLR0913 (a claim's numbers)
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
) -> Evidence:
    """Weigh the closed days of ``ledger`` for one claim.

    Args:
        ledger: closed days, summed.
        risk: what the claim is about.
        low: a bin edge.
        high: a bin edge.
        target: the risk is to be below it; None where nobody asked.
        pi_floor: as declared when the epoch opened.
        delta: 1 - confidence.
        miss_share: of violations that one reviewer misses, as the policy declares it.
        obstacle: why nothing could be certified whatever the ledger says.

    Raises:
        ValueError: thresholds that are not on edges or out of order, a target outside (0, 1).
    """
    bad, good = counts_for(ledger, risk, low, high)
    response = response_rate(ledger, risk, low, high)
    under = falls_below_floor(ledger, risk, low, high, pi_floor=pi_floor)
    valid = pi_floor > 0 and not under
    weighed = target is not None and valid
    numbers = (bad, good, ledger.pi)
    share = share_recognised(risk, miss_share=miss_share)
    tested = (target or 0) * share
    bound = upper_bound(*numbers, pi_floor, delta) if valid and (bad.any() or good.any()) else None
    return Evidence(
        risk=risk,
        target=target,
        pi_floor=pi_floor,
        delta=delta,
        bad=_whole(bad),
        good=_whole(good),
        pi=[float(pi) for pi in ledger.pi],
        log_e=float(log_e_value(*numbers, tested, pi_floor)) if weighed else None,
        bound=None if bound is None else min(bound / share, 1.0),
        clean_checks_needed=clean_checks_needed(*numbers, tested, pi_floor, delta) if weighed else None,
        response=response,
        refused=_refusal(pi_floor, under=under, response=response) or obstacle,
    )


def _whole(counts: np.typing.NDArray[np.float64]) -> list[int]:
    return [int(count) for count in counts]


def _refusal(pi_floor: float, *, under: bool, response: float | None) -> str:
    if pi_floor <= 0:
        return "No coin reaches these uploads: the audit rate is 0."
    if under:
        return f"Some of these uploads were drawn with less than the epoch's floor of {pi_floor:g}."
    if response is not None and response < RESPONSE_NEEDED:
        return f"Only {response:.1%} of the drawn uploads have a verdict; {RESPONSE_NEEDED:.1%} are needed."
    return ""


def shown(estimate: Estimate) -> dict[str, object]:
    """The estimate as it may be told: without numbers where fewer than 30 labels stand behind it."""
    visible = estimate.shown and estimate.value is not None
    return {
        "value": estimate.value if visible else None,
        "low": estimate.low if visible else None,
        "high": estimate.high if visible else None,
        "n": estimate.n,
        "shown": visible,
    }


def corrected(estimates: Estimates, *, miss_share: float) -> Estimates:
    """The estimates with what reviewers miss added: leak and miss rate and escapes divided by what they recognise."""
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
    """How many more verdicts the audits of both sides need until every rate is shown."""
    below, _, above = ledger.regions(low, high)
    return sum(max(0, LABELS_TO_SHOW - side.labels) for side in (below, above) if not side.answered_for)


def all_shown(estimates: Estimates) -> dict[str, dict[str, object]]:
    return {name: shown(getattr(estimates, name)) for name in estimates.__dataclass_fields__}
