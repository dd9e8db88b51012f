"""What the ledger says of the pair in force, or of a classifier in the shadow, as pages show it."""

from dataclasses import dataclass

from moderation.tuning import text
from moderation.tuning.evidence import ClaimEvidence
from moderation.tuning.shadow_report import ShadowReport
from moderation.tuning.threshold_report import ThresholdReport

# Prevalence stands beside the two rates that mean little without it.
SHOWN = ("leak_rate", "miss_rate", "prevalence", "wrongful_rate", "escapes_10k", "wrongful_10k")


@dataclass(frozen=True, kw_only=True)
class Rate:
    """One estimate in words. ``missing`` is how many more verdicts it takes to show it; 0 where it is shown."""

    name: str
    value: str
    interval: str
    n: int
    missing: int


@dataclass(frozen=True, kw_only=True)
class Meter:
    """The evidence for one claim, as "E of 20"; ``value`` and ``needed`` fill the meter."""

    claim: str
    target: str
    text: str
    value: float
    needed: float
    state: str
    certified: bool


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One figure of the pair in force and of the proposed one, each with its interval and its labels in words."""

    name: str
    now: str
    now_rests_on: str
    then: str
    then_rests_on: str


# What a proposal is judged by; each stands with its interval.
COMPARED = ("escapes_10k", "miss_rate", "leak_rate", "wrongful_10k", "wrongful_rate")


def compared(now: ThresholdReport, then: ThresholdReport) -> list[Compared]:
    """The estimates and costs of two pairs on the same closed days; nothing before one is closed."""
    if not now.days:
        return []
    sides = [[*_figures(side), _cost(side)] for side in (now, then)]
    names = [*(text.NAMES[name] for name in COMPARED), "Cost of 10,000 uploads"]
    return [
        Compared(name=name, now=one[0], now_rests_on=one[1], then=other[0], then_rests_on=other[1])
        for name, one, other in zip(names, *sides, strict=True)
    ]


def _figures(finding: ThresholdReport) -> list[tuple[str, str]]:
    """Value, and interval with n, of each estimate; without a value what is missing."""
    return [
        (rate.value, f"{rate.interval}, n {rate.n:,}") if rate.value else ("not shown yet", f"n {rate.n:,}")
        for rate in (_rate(name, finding) for name in COMPARED)
    ]


def _cost(finding: ThresholdReport) -> tuple[str, str]:
    return ("not known yet", "") if finding.cost_10k is None else (f"{finding.cost_10k:,.0f}", "smoothed, no interval")


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """How one claim stands at the pair in force and at the proposed one, in words; whether it is certified."""

    claim: str
    now: str
    now_certified: bool
    then: str
    then_certified: bool


def claimed(now: ThresholdReport, then: ThresholdReport, *, new_epoch: bool) -> list[Claimed]:
    """For each claim that has a target, whether it is certified; a new epoch begins without any evidence."""
    if not now.days:
        return []
    found = []
    for one, other in zip(now.evidence, then.evidence, strict=True):
        if one.target is None:
            continue
        (said, sure), (hoped, kept) = _standing(now, one), _standing(then, other)
        if new_epoch:
            hoped, kept = "ends with the epoch", False
        found.append(
            Claimed(
                claim=f"{text.CLAIMS[one.risk]}: below {text.percent(one.target)}",
                now=said,
                now_certified=sure,
                then=hoped,
                then_certified=kept,
            )
        )
    return found


def _standing(finding: ThresholdReport, claim: ClaimEvidence) -> tuple[str, bool]:
    if (certificate := finding.certificate(claim.risk)) is not None:
        return f"until {certificate.ends_at:%-d %B %Y}", True
    if claim.refused or claim.e_value is None:
        return claim.refused or "not certified", False
    return f"evidence {text.meter(claim)}; {text.claim_status(claim)}", False


def rates(finding: ThresholdReport | ShadowReport) -> list[Rate]:
    if not finding.days:
        return []
    return [_rate(name, finding) for name in SHOWN]


def _rate(name: str, finding: ThresholdReport | ShadowReport) -> Rate:
    found = getattr(finding.estimates, name)
    visible = found.shown and found.value is not None
    return Rate(
        name=text.NAMES[name],
        value=text.figure(name, found.value) if visible else "",
        interval=text.interval(name, found),
        n=found.n,
        missing=0 if visible else finding.audits_missing,
    )


def meters(finding: ThresholdReport | ShadowReport) -> list[Meter]:
    return [_meter(finding, claim) for claim in finding.evidence if claim.target is not None] if finding.days else []


def _meter(finding: ThresholdReport | ShadowReport, claim: ClaimEvidence) -> Meter:
    certificate = finding.certificate(claim.risk) if isinstance(finding, ThresholdReport) else None
    return Meter(
        claim=text.CLAIMS[claim.risk],
        target=text.percent(claim.target or 0),
        text=text.meter(claim),
        value=min(claim.e_value or 0, claim.needed),
        needed=claim.needed,
        state=f"until {certificate.ends_at:%-d %B %Y}" if certificate else text.claim_status(claim),
        certified=certificate is not None,
    )
