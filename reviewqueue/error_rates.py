"""What the ledger says of the pair in force, as the thresholds page shows it."""

from dataclasses import dataclass

from moderation.tuning import words
from moderation.tuning.evidence import Evidence
from moderation.tuning.state import Finding

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


def rates(finding: Finding) -> list[Rate]:
    if not finding.days:
        return []
    return [_rate(name, finding) for name in SHOWN]


def _rate(name: str, finding: Finding) -> Rate:
    found = getattr(finding.estimates, name)
    visible = found.shown and found.value is not None
    return Rate(
        name=words.NAMES[name],
        value=words.figure(name, found.value) if visible else "",
        interval=words.interval(name, found),
        n=found.n,
        missing=0 if visible else finding.audits_missing,
    )


def meters(finding: Finding) -> list[Meter]:
    return [_meter(claim) for claim in finding.evidence if claim.target is not None] if finding.days else []


def _meter(claim: Evidence) -> Meter:
    return Meter(
        claim=words.CLAIMS[claim.risk],
        target=words.percent(claim.target or 0),
        text=words.meter(claim),
        value=min(claim.e_value or 0, claim.needed),
        needed=claim.needed,
        state=words.state(claim),
    )
