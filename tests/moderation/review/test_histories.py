"""Generated histories of verdicts, undos and objections: all code that decides which verdict stands agrees."""

from collections.abc import Callable, Iterable
from contextlib import suppress

import pytest
from django.db import transaction
from django.test import override_settings
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from moderation.models import ApiToken, Decision, DrawnUpload, Objection, Screening, Upload, User
from moderation.review import claiming, deciding
from moderation.review.claims import Claim
from moderation.review.consensus import VerdictTally
from moderation.review.near_duplicates import cluster_verdicts
from moderation.review.objection_checks import ObjectionRefused
from moderation.review.objections import record_objection
from moderation.review.standing import Given
from moderation.review.status import computed_statuses
from moderation.review.tallies import tally
from moderation.routing import SamplingReason
from moderation.tuning.rollup import differences, roll_up
from tests.factories import make_user
from tests.moderation.review.near_duplicates import Cluster

pytestmark = pytest.mark.django_db

PEOPLE = ("one", "two", "three", "lead")
VERDICTS = st.sampled_from(["violating", "benign", "benign", "cannot_tell"])
#: (what happens, by whom, with which verdict)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["decide", "decide", "decide", "undo", "report", "appeal"]), st.sampled_from(PEOPLE), VERDICTS
    ),
    max_size=7,
)
# A score below low is an audit of an approval, one above high of a rejection.
SCORES = st.sampled_from([0.05, 0.5, 0.95])


def decide(person: User, verdict: str) -> None:
    task = claiming.claim_next(person)
    if task is not None:
        claim = Claim.from_task(task)
        assert claim is not None
        deciding.decide(task, verdict, claim=claim, reason="nudity" if verdict == "violating" else "")


def undo(person: User, _verdict: str) -> None:
    last = Decision.objects.last_verdict_of(person).first()
    if last is not None and last.task is not None:
        with suppress(deciding.UndoRefused), transaction.atomic():
            deciding.undo(last.task, by=person)
        claiming.release(person)


def platform() -> ApiToken:
    return ApiToken.objects.first() or ApiToken.objects.issue(name="platform", source="test")[0]


def object_to(kind: str) -> Callable[[User, str], None]:
    def raise_objection(person: User, _verdict: str) -> None:
        # Programs report, as people only report what they were shown.
        raiser = {"by": person} if kind == "appeal" else {"token": platform()}
        with suppress(ObjectionRefused), transaction.atomic():
            record_objection(Screening.objects.earliest("pk"), kind=kind, text="Wrong.", **raiser)

    return raise_objection


ACTIONS = {"decide": decide, "undo": undo, "report": object_to("report"), "appeal": object_to("appeal")}


def sample_tally(screening: Screening) -> VerdictTally:
    """Count the verdicts of the sample alone, without those on reports and appeals."""
    return tally_of(screening, Decision.objects.live().verdicts().filter(screening=screening, source="sample"))


def label_tally(screening: Screening) -> VerdictTally:
    """Count the verdicts of the sample that are labels, by a second reading of the ledger's rule, row by row."""
    rows = Decision.objects.filter(screening=screening, source="sample").select_related("superseded_by")
    given = [row for row in rows.exclude(kind="undo") if row.blind]
    kept = [row for row in given if not undone(row) or not undone(row).blind]
    return tally_of(screening, [row for row in kept if not undone(row) or not replaced(row, by=kept)])


def undone(row: Decision) -> Decision | None:
    return getattr(row, "superseded_by", None)


def replaced(row: Decision, *, by: list[Decision]) -> bool:
    """Whether a later verdict on the same task takes the place of ``row``, which was undone late."""
    return any(other.task_id == row.task_id and other.pk > undone(row).pk for other in by)


def tally_of(screening: Screening, verdicts: Iterable[Decision]) -> VerdictTally:
    return VerdictTally.from_verdicts(
        [Given(row.verdict, row.source) for row in sorted(verdicts, key=lambda row: row.pk)],
        automatic_outcome=screening.automatic_outcome,
        fallback="reject",
        sampling_reason=SamplingReason(screening.sampling_reason),
    )


def ledger_outcome(sample: VerdictTally) -> str:
    """The ledger's rule by the pure functions: the final verdict of the labels, otherwise missing or open."""
    if sample.final:
        return sample.final
    return "missing" if sample.nobody_can_tell else "open"


def check_everything_agrees(screening: Screening, follower: Screening) -> None:
    found, sample = tally(screening), sample_tally(screening)
    roll_up()
    assert differences() == []
    assert DrawnUpload.objects.get(screening=screening).outcome == ledger_outcome(label_tally(screening))
    uploads = list(Upload.objects.order_by("pk"))
    assert [upload.status for upload in uploads] == computed_statuses(uploads)
    if found.consensus:
        assert uploads[0].status == {"violating": "rejected", "benign": "approved"}[found.consensus]
    taken = Decision.objects.live().filter(screening=follower, source="carried_over").first()
    if taken is not None:
        # A report or an appeal on the one upload overturns nothing about the other.
        assert taken.verdict == taken.carried_from.verdict == sample.final
        assert taken.carried_from in Decision.objects.live()
    if (verdict := cluster_verdicts([screening]).get(screening.pk)) is not None:
        assert verdict.verdict == found.consensus == sample.final


@given(steps=STEPS, score=SCORES, grace=st.sampled_from([600, 0]))
@example(
    steps=[("decide", "one", "violating"), ("report", "one", "benign"), ("decide", "two", "benign")],
    score=0.5,
    grace=600,
)
@example(steps=[("decide", "one", "violating"), ("undo", "one", ""), ("decide", "lead", "benign")], score=0.5, grace=0)
@example(steps=[("decide", "one", "benign"), ("undo", "one", ""), ("decide", "two", "violating")], score=0.05, grace=0)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_every_history_means_the_same_everywhere(steps: list[tuple[str, str, str]], score: float, grace: int) -> None:
    """Without a grace period each undo comes late."""
    with transaction.atomic(), override_settings(GRACE_SECONDS=grace):
        people = {name: make_user(name, group="lead" if name == "lead" else "moderator") for name in PEOPLE}
        cluster = Cluster()
        screening, follower = cluster.add(score=score), cluster.add(score=score)
        for action, name, verdict in steps:
            ACTIONS[action](people[name], verdict)
            check_everything_agrees(screening, follower)
        assert Objection.objects.count() <= len(steps)
        transaction.set_rollback(True)
