"""What each risk counts as bad and as good, and which verdicts it needs."""

from typing import Literal, NamedTuple, get_args

import numpy as np

from moderation.statistics import checks
from moderation.statistics.checks import Floats
from moderation.statistics.ledger import Ledger
from moderation.statistics.regions import Region

Risk = Literal["leak", "miss", "wrongful", "escapes"]


class Counts(NamedTuple):
    """Labelled uploads per rate class, shape (classes,): num = 1, and den = 1 with num = 0."""

    bad: Floats
    good: Floats


def counts_for(ledger: Ledger, risk: Risk, low: float, high: float) -> Counts:
    """Return what ``risk`` counts as bad and as good at these thresholds.

    Missing verdicts enter as the worst case. leak and escapes: violating below low; wrongful:
    benign from high; miss: violating below low, dropped elsewhere.

    Args:
        ledger: closed days, summed.
        risk: "leak", "miss", "wrongful" or "escapes".
        low: a bin edge; only "wrongful" does without.
        high: a bin edge from low up; only "wrongful" depends on it.

    Raises:
        ValueError: another risk, thresholds that are not on edges or out of order.
    """
    below, band, above = _regions(ledger, risk, low, high)
    benign = below.labelled - below.violating
    match risk:
        case "leak":
            return Counts(below.violating + below.missing, benign)
        case "miss":
            return Counts(below.violating + below.missing, band.violating + above.violating)
        case "escapes":
            return Counts(below.violating + below.missing, benign + band.labelled + above.labelled)
        case "wrongful":
            return Counts(above.labelled - above.violating + above.missing, above.violating)


def alarm_counts_for(ledger: Ledger, risk: Risk, low: float, high: float) -> Counts:
    """Return the counts of `ReverseAlarm`: as `counts_for`, but every missing verdict is good."""
    below, band, above = _regions(ledger, risk, low, high)
    bad, good = counts_for(ledger, risk, low, high)
    worst = above.missing if risk == "wrongful" else below.missing
    elsewhere = band.missing + above.missing if risk in {"miss", "escapes"} else np.zeros_like(worst)
    return Counts(bad - worst, good + worst + elsewhere)


def response_rate(ledger: Ledger, risk: Risk, low: float, high: float) -> float | None:
    """Return the share of drawn uploads with a verdict, where ``risk`` needs one; None without any."""
    labelled, drawn = verdicts(ledger, risk, low, high)
    return labelled / drawn if drawn else None


def verdicts(ledger: Ledger, risk: Risk, low: float, high: float) -> tuple[int, int]:
    """Return how many uploads have a verdict and how many were drawn, where ``risk`` needs one."""
    below, band, above = _regions(ledger, risk, low, high)
    needed = {"leak": [below], "escapes": [below], "wrongful": [above], "miss": [below, band, above]}[risk]
    labelled = sum(region.labels for region in needed)
    return labelled, labelled + int(sum(region.missing.sum() for region in needed))


def falls_below_floor(ledger: Ledger, risk: Risk, low: float, high: float, *, pi_floor: float) -> bool:
    """Whether uploads that can be bad were drawn with less than pi_floor: E would not be valid."""
    below, _, above = _regions(ledger, risk, low, high)
    uploads = (above if risk == "wrongful" else below).uploads
    return bool(((uploads > 0) & (ledger.pi < pi_floor)).any())


def pair_at(ledger: Ledger, risk: Risk, threshold: float) -> tuple[float, float]:
    """Return (low, high) for a candidate; the one that ``risk`` does not depend on is the grid's end."""
    first, last = float(ledger.edges[0]), float(ledger.edges[-1])
    return (first, float(threshold)) if risk == "wrongful" else (float(threshold), last)


def _regions(ledger: Ledger, risk: Risk, low: float, high: float) -> tuple[Region, Region, Region]:
    if risk not in get_args(Risk):
        raise checks.refusal("risk", repr(risk), accepted="give 'leak', 'miss', 'wrongful' or 'escapes'")
    return ledger.regions(low, high)
