"""Estimates and evidence from the ledger, as pages show them: for the pair in force or a classifier in shadow mode."""

from dataclasses import dataclass

from moderation.formatting import day, percent, thousands
from moderation.tuning import text
from moderation.tuning.evidence import ClaimEvidence
from moderation.tuning.shadow_report import ShadowReport
from moderation.tuning.threshold_report import ThresholdReport

# Prevalence is shown with the two rates that mean little without it.
SHOWN = ("leak_rate", "miss_rate", "prevalence", "wrongful_rate", "escapes_10k", "wrongful_10k")
# The estimates by which people judge a proposal.
COMPARED = ("escapes_10k", "miss_rate", "leak_rate", "wrongful_10k", "wrongful_rate")


@dataclass(frozen=True, kw_only=True)
class Rate:
    """One estimate in words. ``missing`` is how many more verdicts it needs before it is shown; 0 where it is."""

    name: str
    value: str
    interval: str
    n: int
    missing: int


@dataclass(frozen=True, kw_only=True)
class Meter:
    """The evidence for one claim, as "E of 20". ``value`` and ``needed`` fill the meter."""

    claim: str
    target: str
    text: str
    value: float
    needed: float
    state: str
    certified: bool


@dataclass(frozen=True, kw_only=True)
class ComparedRate:
    """One estimate for the pair in force and for the proposed one, each with its interval and its labels in words."""

    name: str
    now: str
    now_rests_on: str
    then: str
    then_rests_on: str


@dataclass(frozen=True, kw_only=True)
class ComparedClaim:
    """The state of one claim at the pair in force and at the proposed one, in words; whether it is certified."""

    claim: str
    now: str
    now_certified: bool
    then: str
    then_certified: bool


def rates(report: ThresholdReport | ShadowReport) -> list[Rate]:
    """Return the estimates that a page shows; none before a day is closed."""
    return [_rate(name, report) for name in SHOWN] if report.days else []


def meters(report: ThresholdReport | ShadowReport) -> list[Meter]:
    """Return a meter for each claim that has a target; none before a day is closed."""
    return [_meter(report, claim) for claim in report.evidence if claim.target is not None] if report.days else []


def compared_rates(now: ThresholdReport, then: ThresholdReport) -> list[ComparedRate]:
    """Return the estimates and costs of two pairs on the same closed days; none before a day is closed."""
    if not now.days:
        return []
    sides = [[*_figures(side), _cost(side)] for side in (now, then)]
    names = [*(text.NAMES[name] for name in COMPARED), "Cost of 10,000 uploads"]
    return [
        ComparedRate(name=name, now=one[0], now_rests_on=one[1], then=other[0], then_rests_on=other[1])
        for name, one, other in zip(names, *sides, strict=True)
    ]


def compared_claims(now: ThresholdReport, then: ThresholdReport, *, new_epoch: bool) -> list[ComparedClaim]:
    """Return the state of each claim that has a target. A new epoch starts without any evidence."""
    if not now.days:
        return []
    pairs = zip(now.evidence, then.evidence, strict=True)
    return [
        _compared_claim(now, one, then, other, new_epoch=new_epoch) for one, other in pairs if one.target is not None
    ]


def _compared_claim(
    now: ThresholdReport, one: ClaimEvidence, then: ThresholdReport, other: ClaimEvidence, *, new_epoch: bool
) -> ComparedClaim:
    now_text, now_certified = _claim_state(now, one)
    then_text, then_certified = ("ends with the epoch", False) if new_epoch else _claim_state(then, other)
    return ComparedClaim(
        claim=f"{text.CLAIMS[one.risk]}: below {percent(one.target or 0)}",
        now=now_text,
        now_certified=now_certified,
        then=then_text,
        then_certified=then_certified,
    )


def _claim_state(report: ThresholdReport, claim: ClaimEvidence) -> tuple[str, bool]:
    """Describe whether ``claim`` is certified."""
    if (certificate := report.certificate(claim.risk)) is not None:
        return f"until {day(certificate.ends_at)}", True
    if claim.refused or claim.e_value is None:
        return claim.refused or "not certified", False
    return f"evidence {text.meter(claim)}; {text.claim_status(claim)}", False


def _figures(report: ThresholdReport) -> list[tuple[str, str]]:
    """Return for each compared estimate its value, and its interval with n."""
    return [
        (rate.value, f"{rate.interval}, n {thousands(rate.n)}")
        if rate.value
        else ("not shown yet", f"n {thousands(rate.n)}")
        for rate in (_rate(name, report) for name in COMPARED)
    ]


def _cost(report: ThresholdReport) -> tuple[str, str]:
    if report.cost_10k is None:
        return "not known yet", ""
    return thousands(round(report.cost_10k)), "smoothed, no interval"


def _rate(name: str, report: ThresholdReport | ShadowReport) -> Rate:
    estimate = getattr(report.estimates, name)
    visible = estimate.shown and estimate.value is not None
    return Rate(
        name=text.NAMES[name],
        value=text.figure(name, estimate.value) if visible else "",
        interval=text.interval(name, estimate),
        n=estimate.n,
        missing=0 if visible else report.audits_missing,
    )


def _meter(report: ThresholdReport | ShadowReport, claim: ClaimEvidence) -> Meter:
    certificate = report.certificate(claim.risk) if isinstance(report, ThresholdReport) else None
    return Meter(
        claim=text.CLAIMS[claim.risk],
        target=percent(claim.target or 0),
        text=text.meter(claim),
        value=min(claim.e_value or 0, claim.needed),
        needed=claim.needed,
        state=f"until {day(certificate.ends_at)}" if certificate else text.claim_status(claim),
        certified=certificate is not None,
    )
