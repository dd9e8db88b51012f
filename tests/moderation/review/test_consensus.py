"""Which verdict stands: the rule as tables, and its laws on generated verdicts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.models.decisions import CONCLUSIVE
from moderation.review.consensus import Escalation, VerdictTally
from moderation.review.standing import Given
from moderation.routing import SamplingReason

V, B, C = "violating", "benign", "cannot_tell"
ANY_VERDICT = st.sampled_from([V, B, C])
SAMPLE = st.lists(ANY_VERDICT.map(lambda verdict: Given(verdict, "sample")), max_size=6)
ANY_SOURCE = st.sampled_from(["sample", "report", "appeal", "carried_over"])
ANYTHING = st.lists(st.builds(Given, verdict=ANY_VERDICT, source=ANY_SOURCE, by_lead=st.booleans()), max_size=6)
OUTCOMES = st.sampled_from(["approve", "reject", "hold"])


def sample(*verdicts: str) -> list[Given]:
    return [Given(verdict, "sample") for verdict in verdicts]


def about(kind: str, *verdicts: str, by_lead: bool = False) -> list[Given]:
    return [Given(verdict, kind, by_lead) for verdict in verdicts]


def tally(given: list[Given], *, reason: str = "review_band", automatic: str = "hold") -> VerdictTally:
    return VerdictTally.from_verdicts(
        given, automatic_outcome=automatic, fallback="reject", sampling_reason=SamplingReason(reason)
    )


@pytest.mark.parametrize(
    ("verdicts", "stands"),
    [
        ([], None),
        (sample(C, C), None),
        (sample(V), V),
        (sample(C, B), B),
        (sample(V, B), V),  # a tie: the first one, until a third breaks it
        (sample(V, B, B), B),
        (sample(B, V, C), B),
        ([*sample(B, B), Given(V, "report")], V),  # from outside the sample: above it
        ([*sample(V, V), *about("appeal", B)], V),  # one person lifts no rejection
        ([*sample(V, V), *about("appeal", B, B)], B),
        ([Given(B, "report"), Given(V, "appeal")], V),  # the last of those
        ([Given(V, "report"), *about("appeal", B, B)], B),
        ([Given(V, "report"), *about("appeal", B, V, B)], V),
        ([*sample(V), Given(C, "appeal")], V),
        ([Given(B, "carried_over")], B),
        ([Given(B, "carried_over"), *sample(V)], B),
    ],
)
def test_the_verdict_that_stands(verdicts: list[Given], stands: str | None) -> None:
    assert tally(verdicts).consensus == stands


@pytest.mark.parametrize(
    ("reason", "verdicts", "another", "lead", "outcome"),
    [
        ("review_band", sample(V), False, False, "reject"),
        ("review_band", sample(C), True, False, "hold"),
        ("review_band", sample(C, C), True, True, "hold"),
        ("review_band", sample(C, C, C), False, False, "reject"),  # the fallback
        ("audit_approve", sample(B), False, False, "approve"),
        ("audit_approve", sample(V), True, False, "reject"),  # an alarm that nobody has confirmed
        ("audit_approve", sample(V, V), False, False, "reject"),
        ("audit_approve", sample(V, B), True, False, "reject"),  # a tie
        ("audit_approve", sample(V, B, B), False, False, "approve"),
        ("audit_reject", sample(B), True, False, "approve"),
        ("audit_reject", sample(V), False, False, "reject"),
        ("audit_approve", [Given(V, "carried_over")], False, False, "reject"),
        ("audit_approve", [Given(V, "appeal")], False, False, "reject"),
    ],
)
def test_who_is_asked_next_and_what_holds_meanwhile(
    reason: str, verdicts: list[Given], *, another: bool, lead: bool, outcome: str
) -> None:
    found = tally(verdicts, reason=reason, automatic="hold" if reason == "review_band" else reason.split("_")[1])
    assert (found.needs_another, found.needs_lead, found.outcome) == (another, lead, outcome)


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([Given(C, "report")], (True, False)),
        ([Given(C, "report"), Given(C, "appeal")], (True, True)),
        ([Given(C, "report"), Given(C, "report"), Given(C, "report")], (False, False)),
        ([Given(C, "report"), Given(V, "report")], (False, False)),
        (
            [Given(C, "report"), Given(V, "report"), Given(C, "report")],
            (True, False),
        ),  # counted anew since the last answer
        (sample(C), (False, False)),
    ],
)
def test_reports_and_appeals_count_their_own_people(verdicts: list[Given], expected: tuple[bool, bool]) -> None:
    found = Escalation.after(tally(verdicts), kind="report")
    assert (found.needed, found.by_lead) == expected


def test_gold_never_asks_another_person() -> None:
    assert not Escalation.after(tally(sample(C)), kind="gold").needed


@pytest.mark.parametrize(
    ("verdicts", "expected", "outcome"),
    [
        (about("report", B), (True, False), "reject"),  # the machine rejected
        (about("report", B, B), (False, False), "approve"),
        (about("report", B, V), (False, False), "reject"),
        (about("report", B, C), (True, False), "reject"),
        (about("report", B, C, C), (True, True), "reject"),
        (about("report", B, C, C, C), (False, False), "reject"),  # nobody could tell: it stays rejected
        (about("report", B, C, C, C, B), (True, False), "reject"),  # and two more people are needed
        ([*sample(V), *about("report", B)], (True, False), "reject"),
        ([Given(V, "sample", True), *about("report", B)], (True, True), "reject"),  # a lead rejected
        ([Given(V, "sample", True), *about("report", B, B)], (True, True), "reject"),
        ([Given(V, "sample", True), *about("report", B, B), Given(B, "report", True)], (False, False), "approve"),
        ([Given(V, "sample", True), Given(B, "report", True)], (True, False), "reject"),
        ([Given(V, "sample", True), Given(B, "report", True), Given(B, "report")], (False, False), "approve"),
        ([*sample(V), Given(V, "report", True), *about("report", B)], (True, True), "reject"),
    ],
)
def test_a_rejection_is_lifted_by_two_and_a_leads_by_a_lead_too(
    verdicts: list[Given], expected: tuple[bool, bool], outcome: str
) -> None:
    found = tally(verdicts, automatic="reject")
    asked = Escalation.after(found, kind="appeal")
    assert ((asked.needed, asked.by_lead), found.outcome) == (expected, outcome)


@given(before=ANYTHING, automatic=OUTCOMES, by_lead=st.booleans(), kind=st.sampled_from(["report", "appeal"]))
def test_no_account_lifts_a_rejection_alone(before: list[Given], automatic: str, *, by_lead: bool, kind: str) -> None:
    was = tally(before, automatic=automatic)
    now = tally([*before, Given(B, kind, by_lead)], automatic=automatic)
    if was.outcome == "reject" and not was.standing.lifting:
        assert now.outcome == "reject"
        assert Escalation.after(now, kind=kind).needed


@given(ANYTHING, OUTCOMES, st.sampled_from(["report", "appeal"]))
def test_one_person_keeps_a_rejection_at_once(before: list[Given], automatic: str, kind: str) -> None:
    now = tally([*before, Given(V, kind)], automatic=automatic)
    assert now.outcome == "reject"
    assert not Escalation.after(now, kind=kind).needed


@given(ANYTHING.filter(lambda verdicts: [each.verdict for each in verdicts].count(C) < 3))
def test_one_or_two_who_cannot_tell_change_no_consensus(given_verdicts: list[Given]) -> None:
    conclusive = [each for each in given_verdicts if each[0] in CONCLUSIVE]
    assert tally(given_verdicts).consensus == tally(conclusive).consensus


@given(SAMPLE, st.sampled_from([V, B]))
def test_two_more_of_one_verdict_than_of_the_other_decide(verdicts: list[Given], verdict: str) -> None:
    lead = sum(1 if said == verdict else -1 for said, *_ in verdicts if said in CONCLUSIVE)
    assert tally([*verdicts, *sample(*[verdict] * max(0, 1 - lead))]).consensus == verdict


@given(ANYTHING, st.sampled_from(list(SamplingReason)))
def test_a_final_verdict_is_the_consensus_and_sets_the_outcome(verdicts: list[Given], reason: str) -> None:
    found = tally(verdicts, reason=reason)
    assert found.final in {None, found.consensus}
    if found.final:
        assert found.outcome == {V: "reject", B: "approve"}[found.final]
