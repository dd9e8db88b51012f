"""The rule that gives an upload its status, as a table."""

import pytest

from moderation.models import Upload, Verdict
from moderation.review.status import ScreeningResult, status_of
from moderation.routing import Route

BENIGN, VIOLATING = Verdict.BENIGN, Verdict.VIOLATING


def a_result(
    route: str, *, verdict: Verdict | None = None, undecided: bool = False, fallback: str = "reject"
) -> ScreeningResult:
    return ScreeningResult(route=Route(route), fallback=Route(fallback), verdict=verdict, undecided=undecided)


@pytest.mark.parametrize(
    ("screening", "result"),
    [
        (a_result("approve"), "approved"),
        (a_result("reject"), "rejected"),
        (a_result("review", undecided=True), "in_review"),
        (a_result("review", verdict=BENIGN), "approved"),
        (a_result("review", verdict=VIOLATING), "rejected"),
        (a_result("approve", undecided=True), "approved"),  # an audit changes nothing until it is decided
        (a_result("reject", undecided=True), "rejected"),
        (a_result("approve", verdict=VIOLATING), "rejected"),
        (a_result("reject", verdict=BENIGN), "approved"),
        (a_result("review"), "rejected"),  # everyone asked could not tell
        (a_result("review", fallback="approve"), "approved"),
    ],
)
def test_result_of_one_screening(screening: ScreeningResult, result: str) -> None:
    assert screening.status == result


@pytest.mark.parametrize(
    ("first", "second", "status"),
    [
        ("approve", "approve", "approved"),
        ("approve", "reject", "rejected"),
        ("review", "approve", "in_review"),
        ("review", "reject", "rejected"),
    ],
)
def test_strictest_policy_wins(first: str, second: str, status: str) -> None:
    results = {1: a_result(first, undecided=True), 2: a_result(second)}
    assert status_of(Upload(), quarantine_verdict=None, results=results, in_force={1, 2}) == status


@pytest.mark.parametrize(
    ("upload", "quarantine_verdict", "screened", "status"),
    [
        (Upload(), None, {}, "pending"),
        (Upload(), None, {1}, "pending"),  # the other policy lacks its screening
        (Upload(), None, {1, 2}, "approved"),
        (Upload(status="approved"), None, {1}, "approved"),  # a policy that came later
        (Upload(status="quarantined", quarantine_reason="truncated"), None, {}, "quarantined"),
        (Upload(status="quarantined", quarantine_reason="truncated"), BENIGN, {}, "approved"),
        (Upload(status="quarantined", quarantine_reason="truncated"), VIOLATING, {}, "rejected"),
        (Upload(status="quarantined"), None, {}, "pending"),  # sent to the pre-screen again
        (Upload(status="rejected", erased_at="2026-01-01"), VIOLATING, {1, 2}, "erased"),
    ],
)
def test_what_stands_above_the_results(
    upload: Upload, quarantine_verdict: Verdict | None, screened: set[int], status: str
) -> None:
    results = {policy: a_result("approve") for policy in screened}
    assert status_of(upload, quarantine_verdict=quarantine_verdict, results=results, in_force={1, 2}) == status
