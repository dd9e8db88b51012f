"""Estimates, evidence and recommendations as sentences and as rows of tables."""

from collections.abc import Mapping, Sequence

from moderation.formatting import count, fixed_percent, percent
from moderation.statistics.estimates import Estimate, Estimates
from moderation.statistics.recommendation import Recommendation
from moderation.statistics.regions import LABELS_TO_SHOW
from moderation.statistics.risks import RESPONSE_NEEDED
from moderation.tuning.agreement import ModeratorAgreement
from moderation.tuning.evidence import ClaimEvidence
from moderation.tuning.groups import GroupEstimate, GroupRate

NO_VALUE = "-"
NAMES = {
    "prevalence": "Violating, of all uploads",
    "leak_rate": "Violating, of those approved by the machine",
    "miss_rate": "Approved by the machine, of all that violate",
    "wrongful_rate": "Benign, of those rejected by the machine",
    "escapes_10k": "Violations that get through, of 10,000 uploads",
    "wrongful_10k": "Benign ones rejected, of 10,000 uploads",
    "review_share": "Uploads that go to review",
}
CLAIMS = {
    "leak": "violating, of those approved",
    "miss": "approved, of all that violate",
    "wrongful": "benign, of those rejected",
    "escapes": "get through, of all",
}


def sentences(estimates: Estimates, evidence: list[ClaimEvidence]) -> list[str]:
    """Return the two most important figures as sentences, each with its interval and its certified bound."""
    by_risk = {claim.risk: claim for claim in evidence}
    return [
        _sentence("violations get through", estimates.escapes_10k, bound=by_risk["escapes"].bound),
        _sentence("benign ones are rejected", estimates.wrongful_10k),
    ]


def _sentence(event: str, found: Estimate, *, bound: float | None = None) -> str:
    if not found.shown or found.value is None or found.low is None or found.high is None:
        return f"Not enough verdicts yet to say how many {event}: {support(found)}."
    text = f"Of 10,000 uploads about {count(found.value)} {event}, between {count(found.low)} and {count(found.high)}"
    certain = f"; certified below {count(10_000 * bound)}" if bound is not None and bound < 1 else ""
    return f"{text}{certain}."


def support(found: Estimate) -> str:
    """Return the number of verdicts on the estimate, and the number that it needs to be shown."""
    return f"{found.n} of at least {LABELS_TO_SHOW} verdicts in its audited part"


def figure(name: str, value: float | None) -> str:
    """Format the value of an estimate by name: a percentage, or a count of 10,000."""
    if value is None:
        return NO_VALUE
    return count(value) if name.endswith("_10k") else percent(value)


def interval(name: str, found: Estimate) -> str:
    """Format the interval of an estimate by name."""
    if not found.shown or found.low is None or found.high is None:
        return "not enough audits"
    return f"{figure(name, found.low)} to {figure(name, found.high)}"


def estimate_rows(
    estimates: Estimates, *beside: Mapping[str, float | None], exact: tuple[str, ...] = ("review_share",)
) -> list[list[str]]:
    """Return a row for each estimate: name, value, interval, labels, then the figures ``beside`` it."""
    rows = []
    for name, title in NAMES.items():
        found: Estimate = getattr(estimates, name)
        limits = "exact" if name in exact else interval(name, found)
        value = found.value if found.shown else None
        rows.append([title, figure(name, value), limits, f"{found.n:,}", *(figure(name, by[name]) for by in beside)])
    return rows


CLAIM_COLUMNS = ("claim", "target", "evidence", "bound", "missing")


def evidence_rows(evidence: list[ClaimEvidence]) -> list[list[str]]:
    """Return a row for each claim: name, target, evidence, bound and status."""
    return [
        [
            CLAIMS[claim.risk],
            NO_VALUE if claim.target is None else f"below {percent(claim.target)}",
            meter(claim),
            NO_VALUE if claim.bound is None else percent(claim.bound),
            claim_status(claim),
        ]
        for claim in evidence
    ]


def meter(claim: ClaimEvidence) -> str:
    """Format the evidence as "E of 20"."""
    if claim.e_value is None:
        return NO_VALUE
    e = f"{claim.e_value:.2g}" if claim.e_value < 100 else f"{min(claim.e_value, 1000):,.0f}"
    e = f"over {e}" if claim.e_value > 1000 else e
    return f"{e} of {claim.needed:.0f}"


def claim_status(claim: ClaimEvidence) -> str:
    """Return whether the claim has enough evidence, or what it needs."""
    if claim.refused:
        return claim.refused
    if claim.target is None:
        return "no target"
    if claim.certified:
        return "enough evidence"
    return f"{claim.clean_checks_needed:,} more clean checks"


# The constraints of a recommendation other than claims, as reasons.
BINDING = {
    "capacity": "it needs {short:,.0f} reviews a day more than the capacity",
    "response": "{short:,.0f} verdicts are missing",
    "labels": "no score bin has a label",
    "no target": "one side has no target, so it keeps its threshold",
    "start": "it lies before the start of the sequence, and only a new epoch can start elsewhere",
}


GROUP_HEADING = ("community", "low / high", "uploads", "violating, of those approved", "n",
                 "benign, of those rejected", "n")  # fmt: skip
ABOUT_GROUPS = (
    "By community, estimates only: each is shrunk towards the common rate, and the fewer verdicts (n) a community has, "
    "the more. Certificates cover all uploads together, and none is about one community."
)


def group_rows(groups: Sequence[GroupEstimate]) -> list[list[str]]:
    """Return a row for each community: name, thresholds, uploads, then both rates with their intervals and labels."""
    return [
        [
            group.slug or "no community",
            f"{group.low:.2f} / {group.high:.2f}{', inherited' if group.inherits else ''}",
            f"{group.uploads:,}",
            *_group_rate(group.leak_rate),
            *_group_rate(group.wrongful_rate),
        ]
        for group in groups
    ]


def _group_rate(found: GroupRate | None) -> tuple[str, str]:
    if found is None:
        return "not enough audits", NO_VALUE
    return f"{percent(found.value)} ({percent(found.low)} to {percent(found.high)})", f"{found.n:,}"


def recommendation_sentence(found: Recommendation | None) -> str:
    """Return the recommendation in a sentence, with the constraint that binds it."""
    if found is None:
        return "Nothing can be recommended: an audit rate is 0, so one side has no evidence."
    short = found.short_by or 0
    claim = f"the claim '{found.binding}' lacks {short:,.0f} clean checks"
    why = BINDING.get(found.binding, claim).format(short=short) if found.binding else ""
    if found.best is None:
        return f"Nothing can be recommended yet: {why}."
    text = f"Recommended: low {found.best.low:.2f}, high {found.best.high:.2f}"
    return f"{text}. A cheaper pair is ruled out: {why}." if why else f"{text}, the cheapest pair."


def warnings(
    estimates: Estimates, evidence: list[ClaimEvidence], *, agreement: ModeratorAgreement | None = None
) -> list[str]:
    """Return the warnings that an admin needs before relying on the figures."""
    found = [agreement.refusal or agreement.warning] if agreement and agreement.warning else []
    found += [
        f"Only {fixed_percent(claim.response)} of the verdicts for '{CLAIMS[claim.risk]}' were given. Below "
        f"{fixed_percent(RESPONSE_NEEDED)} nothing is certified."
        for claim in evidence
        if claim.response is not None and claim.response < RESPONSE_NEEDED and claim.target is not None
    ]
    leak = next(claim for claim in evidence if claim.risk == "leak")
    prevalence = estimates.prevalence
    if leak.target and prevalence.shown and prevalence.value is not None and leak.target > prevalence.value / 2:
        found.append(
            f"The leak target of {percent(leak.target)} is above half the prevalence ({percent(prevalence.value)}). It "
            "can hold while a large part of all violations gets through. Check the miss rate, or lower the target."
        )
    return found
