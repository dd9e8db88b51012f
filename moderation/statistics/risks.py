"""The uploads that each risk counts as bad and as good, and the verdicts that it needs."""

from typing import Literal, NamedTuple, get_args

import numpy as np

from moderation.statistics import checks
from moderation.statistics.checks import Floats
from moderation.statistics.ledger import Ledger
from moderation.statistics.regions import Region

Risk = Literal["leak", "miss", "wrongful", "escapes"]

# Nothing is certified while a smaller share of the drawn uploads has a verdict.
RESPONSE_NEEDED = 0.995


class RiskCounts(NamedTuple):
    """Labelled uploads per rate class, shape (classes,): ``bad`` has num = 1, ``good`` has den = 1 and num = 0."""

    bad: Floats
    good: Floats


def counts_for(ledger: Ledger, risk: Risk, low: float, high: float) -> RiskCounts:
    """Return the uploads that ``risk`` counts as bad and as good at these thresholds.

    Missing verdicts count as the worst case. For leak and escapes they are violating below low, for wrongful benign
    from high. For miss they are violating below low and are dropped elsewhere.

    Args:
        ledger: closed days, summed.
        risk: "leak", "miss", "wrongful" or "escapes".
        low: a bin edge; "wrongful" does not depend on it.
        high: a bin edge from low up; only "wrongful" depends on it.

    Raises:
        ValueError: another risk, thresholds that are not on edges or out of order.
    """
    below, band, above = _regions(ledger, risk, low, high)
    benign = below.labelled - below.violating
    match risk:
        case "leak":
            return RiskCounts(below.violating + below.missing, benign)
        case "miss":
            return RiskCounts(below.violating + below.missing, band.violating + above.violating)
        case "escapes":
            return RiskCounts(below.violating + below.missing, benign + band.labelled + above.labelled)
        case "wrongful":
            return RiskCounts(above.labelled - above.violating + above.missing, above.violating)


def alarm_counts_for(ledger: Ledger, risk: Risk, low: float, high: float) -> RiskCounts:
    """Return the counts for `ReverseAlarm`: as `counts_for`, except that every missing verdict is good."""
    below, band, above = _regions(ledger, risk, low, high)
    bad, good = counts_for(ledger, risk, low, high)
    worst = above.missing if risk == "wrongful" else below.missing
    elsewhere = band.missing + above.missing if risk in {"miss", "escapes"} else np.zeros_like(worst)
    return RiskCounts(bad - worst, good + worst + elsewhere)


def response_rate(ledger: Ledger, risk: Risk, low: float, high: float) -> float | None:
    """Return the share of the drawn uploads that ``risk`` needs and that have a verdict; None if none was drawn."""
    labelled, drawn = verdicts(ledger, risk, low, high)
    return labelled / drawn if drawn else None


def verdicts(ledger: Ledger, risk: Risk, low: float, high: float) -> tuple[int, int]:
    """Return the numbers of uploads with a verdict and of drawn uploads, in the regions that ``risk`` needs."""
    below, band, above = _regions(ledger, risk, low, high)
    needed = {"leak": [below], "escapes": [below], "wrongful": [above], "miss": [below, band, above]}[risk]
    labelled = sum(region.labels for region in needed)
    return labelled, labelled + int(sum(region.missing.sum() for region in needed))


def falls_below_floor(ledger: Ledger, risk: Risk, low: float, high: float, *, pi_floor: float) -> bool:
    """Return whether uploads that can be bad were drawn with less than pi_floor, so that E would not be valid."""
    below, _, above = _regions(ledger, risk, low, high)
    uploads = (above if risk == "wrongful" else below).uploads
    return bool(((uploads > 0) & (ledger.pi < pi_floor)).any())


def pair_at(ledger: Ledger, risk: Risk, threshold: float) -> tuple[float, float]:
    """Return (low, high) for a candidate; the threshold that ``risk`` does not depend on is the grid's end."""
    first, last = float(ledger.edges[0]), float(ledger.edges[-1])
    return (first, float(threshold)) if risk == "wrongful" else (float(threshold), last)


def _regions(ledger: Ledger, risk: Risk, low: float, high: float) -> tuple[Region, Region, Region]:
    if risk not in get_args(Risk):
        raise checks.refusal("risk", repr(risk), accepted="give 'leak', 'miss', 'wrongful' or 'escapes'")
    return ledger.regions(low, high)
