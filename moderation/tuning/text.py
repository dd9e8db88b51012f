"""Estimates and evidence in plain words and as rows of a table."""

from collections.abc import Mapping, Sequence

from moderation.statistics.ledger import Estimate, Estimates
from moderation.statistics.recommendation import Recommendation
from moderation.statistics.regions import LABELS_TO_SHOW
from moderation.tuning.agreement import Agreement
from moderation.tuning.evidence import Evidence
from moderation.tuning.groups import Group, GroupRate

NOTHING = "-"
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


def sentences(estimates: Estimates, evidence: list[Evidence]) -> list[str]:
    """The two figures that matter most, each with its interval and what is certified."""
    by_risk = {claim.risk: claim for claim in evidence}
    return [
        _sentence("violations get through", estimates.escapes_10k, bound=by_risk["escapes"].bound),
        _sentence("benign ones are rejected", estimates.wrongful_10k),
    ]


def _sentence(what: str, found: Estimate, *, bound: float | None = None) -> str:
    if not found.shown or found.value is None or found.low is None or found.high is None:
        return f"How many {what} can't be said yet: {support(found)}."
    text = f"Of 10,000 uploads about {_count(found.value)} {what}, between {_count(found.low)} and {_count(found.high)}"
    certain = f"; certified below {_count(10_000 * bound)}" if bound is not None and bound < 1 else ""
    return f"{text}{certain}."


def support(found: Estimate) -> str:
    return f"{found.n} of at least {LABELS_TO_SHOW} verdicts on its audited part"


def _count(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == 0 else f"{value:.1f}"


def figure(name: str, value: float | None) -> str:
    """One estimand as people read it: per cent, or a count of 10,000."""
    if value is None:
        return NOTHING
    return _count(value) if name.endswith("_10k") else percent(value)


def percent(share: float) -> str:
    """Three digits: 12.3 %, 0.123 %."""
    return f"{100 * share:.3g} %"


def interval(name: str, found: Estimate) -> str:
    if not found.shown or found.low is None or found.high is None:
        return "not enough audits"
    return f"{figure(name, found.low)} to {figure(name, found.high)}"


def estimate_rows(
    estimates: Estimates, *beside: Mapping[str, float | None], exact: tuple[str, ...] = ("review_share",)
) -> list[list[str]]:
    """For each estimand its name, estimate, interval and labels, then the figures ``beside`` it."""
    rows = []
    for name, words in NAMES.items():
        found: Estimate = getattr(estimates, name)
        limits = "exact" if name in exact else interval(name, found)
        value = found.value if found.shown else None
        rows.append([words, figure(name, value), limits, f"{found.n:,}", *(figure(name, by[name]) for by in beside)])
    return rows


CLAIM_COLUMNS = ("claim", "target", "evidence", "bound", "missing")


def evidence_rows(evidence: list[Evidence]) -> list[list[str]]:
    """For each claim its name, target, evidence, bound and what is missing."""
    return [
        [
            CLAIMS[claim.risk],
            NOTHING if claim.target is None else f"below {percent(claim.target)}",
            meter(claim),
            NOTHING if claim.bound is None else percent(claim.bound),
            state(claim),
        ]
        for claim in evidence
    ]


def meter(claim: Evidence) -> str:
    """The evidence as "E of 20"."""
    if claim.e_value is None:
        return NOTHING
    e = f"{claim.e_value:.2g}" if claim.e_value < 100 else f"{min(claim.e_value, 1000):,.0f}"
    e = f"over {e}" if claim.e_value > 1000 else e
    return f"{e} of {claim.needed:.0f}"


def state(claim: Evidence) -> str:
    if claim.refused:
        return claim.refused
    if claim.target is None:
        return "no target"
    if claim.certified:
        return "enough evidence"
    return f"{claim.clean_checks_needed:,} more clean checks"


BINDING = {
    "capacity": "the capacity, by {short:,.0f} looks a day",
    "response": "missing verdicts: {short:,.0f} more are needed",
    "labels": "that no bin has any label",
    "no target": "that a side without a target keeps its threshold",
    "start": "that the sequence starts where the epoch began; only a new epoch can start elsewhere",
}


GROUP_HEADING = ("community", "low / high", "uploads", "violating, of those approved", "n",
                 "benign, of those rejected", "n")  # fmt: skip
ABOUT_GROUPS = (
    "By community, estimates only: each is drawn towards what the communities have in common, the more the fewer "
    "verdicts (n) it has. Certificates rest on all uploads together, and none is about one community."
)


def group_rows(groups: Sequence[Group]) -> list[list[str]]:
    """For each community its name, thresholds and uploads, then both rates with their intervals and labels."""
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
        return "not enough audits", NOTHING
    return f"{percent(found.value)} ({percent(found.low)} to {percent(found.high)})", f"{found.n:,}"


def recommended(found: Recommendation | None) -> str:
    """The recommendation in a sentence, with what binds it."""
    if found is None:
        return "Nothing can be recommended: an audit rate is 0, so one side has no evidence."
    short = found.short_by or 0
    claim = f"the claim '{found.binding}', which lacks {short:,.0f} clean checks"
    why = BINDING.get(found.binding, claim).format(short=short) if found.binding else ""
    if found.best is None:
        return f"Nothing can be recommended yet. What keeps it: {why}."
    text = f"Recommended: low {found.best.low:.2f}, high {found.best.high:.2f}"
    return f"{text}. What keeps it from the cheapest pair of all: {why}." if why else f"{text}, the cheapest pair."


def warnings(estimates: Estimates, evidence: list[Evidence], *, agreement: Agreement | None = None) -> list[str]:
    """What an admin should know before relying on the figures."""
    found = [agreement.refusal or agreement.warning] if agreement and agreement.warning else []
    found += [
        f"Of the verdicts that '{CLAIMS[claim.risk]}' needs only {claim.response:.1%} came: nothing is certified below "
        "99.5 %."
        for claim in evidence
        if claim.response is not None and claim.response < 0.995 and claim.target is not None
    ]
    leak = next(claim for claim in evidence if claim.risk == "leak")
    prevalence = estimates.prevalence
    if leak.target and prevalence.shown and prevalence.value is not None and leak.target > prevalence.value / 2:
        found.append(
            f"The leak target of {percent(leak.target)} is above half the prevalence ({percent(prevalence.value)}): it "
            "can hold while a large part of all violations gets through. Look at the miss rate, or lower the target."
        )
    return found
