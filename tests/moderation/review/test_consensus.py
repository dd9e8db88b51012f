"""Which verdict stands: the rule as tables, and its laws on generated verdicts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.models.decisions import CONCLUSIVE
from moderation.review.consensus import Escalation, Given, VerdictTally, consensus
from moderation.routing import SamplingReason

V, B, C = "violating", "benign", "cannot_tell"
ANY_VERDICT = st.sampled_from([V, B, C])
SAMPLE = st.lists(ANY_VERDICT.map(lambda verdict: (verdict, "sample")), max_size=6)
ANYTHING = st.lists(st.tuples(ANY_VERDICT, st.sampled_from(["sample", "report", "appeal", "carried_over"])), max_size=6)


def sample(*verdicts: str) -> list[Given]:
    return [(verdict, "sample") for verdict in verdicts]


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
        ([*sample(V, V), (B, "appeal")], B),  # from outside the sample: above it
        ([(V, "report"), (B, "appeal")], B),  # the last of those
        ([*sample(V), (C, "appeal")], V),
        ([(B, "carried_over")], B),
        ([(B, "carried_over"), *sample(V)], B),
    ],
)
def test_the_verdict_that_stands(verdicts: list[Given], stands: str | None) -> None:
    assert consensus(verdicts) == stands


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
        ("audit_approve", [(V, "carried_over")], False, False, "reject"),
        ("audit_approve", [(V, "appeal")], False, False, "reject"),
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
        ([(C, "report")], (True, False)),
        ([(C, "report"), (C, "appeal")], (True, True)),
        ([(C, "report"), (C, "report"), (C, "report")], (False, False)),
        ([(C, "report"), (V, "report")], (False, False)),
        ([(C, "report"), (V, "report"), (C, "report")], (True, False)),  # counted anew since the last answer
        (sample(C), (False, False)),
    ],
)
def test_reports_and_appeals_count_their_own_people(verdicts: list[Given], expected: tuple[bool, bool]) -> None:
    found = Escalation.after(tally(verdicts), kind="report")
    assert (found.needed, found.by_lead) == expected


def test_gold_never_asks_another_person() -> None:
    assert not Escalation.after(tally(sample(C)), kind="gold").needed


@given(ANYTHING)
def test_whoever_cannot_tell_changes_no_consensus(given_verdicts: list[Given]) -> None:
    conclusive = [each for each in given_verdicts if each[0] in CONCLUSIVE]
    assert consensus(given_verdicts) == consensus(conclusive)


@given(SAMPLE, st.sampled_from([V, B]))
def test_two_more_of_one_verdict_than_of_the_other_decide(verdicts: list[Given], verdict: str) -> None:
    lead = sum(1 if said == verdict else -1 for said, _ in verdicts if said in CONCLUSIVE)
    assert consensus([*verdicts, *sample(*[verdict] * max(0, 1 - lead))]) == verdict


@given(ANYTHING, st.sampled_from(list(SamplingReason)))
def test_a_final_verdict_is_the_consensus_and_sets_the_outcome(verdicts: list[Given], reason: str) -> None:
    found = tally(verdicts, reason=reason)
    assert found.final in {None, found.consensus}
    if found.final:
        assert found.outcome == {V: "reject", B: "approve"}[found.final]
