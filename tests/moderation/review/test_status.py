"""The rule that gives an upload its status, as a table."""

import pytest

from moderation.models import Upload, Verdict
from moderation.review.status import ScreeningResult, status_of
from moderation.routing import Route

BENIGN, VIOLATING = Verdict.BENIGN, Verdict.VIOLATING


def standing(
    route: str, *, verdict: Verdict | None = None, undecided: bool = False, fallback: str = "reject"
) -> ScreeningResult:
    return ScreeningResult(route=Route(route), fallback=Route(fallback), verdict=verdict, undecided=undecided)


@pytest.mark.parametrize(
    ("screening", "result"),
    [
        (standing("approve"), "approved"),
        (standing("reject"), "rejected"),
        (standing("review", undecided=True), "in_review"),
        (standing("review", verdict=BENIGN), "approved"),
        (standing("review", verdict=VIOLATING), "rejected"),
        (standing("approve", undecided=True), "approved"),  # an audit changes nothing until it is decided
        (standing("reject", undecided=True), "rejected"),
        (standing("approve", verdict=VIOLATING), "rejected"),
        (standing("reject", verdict=BENIGN), "approved"),
        (standing("review"), "rejected"),  # everyone asked could not tell
        (standing("review", fallback="approve"), "approved"),
    ],
)
def test_result_of_one_screening(screening: ScreeningResult, result: str) -> None:
    assert screening.result == result


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
    standings = {1: standing(first, undecided=True), 2: standing(second)}
    assert status_of(Upload(), by_hand=None, standings=standings, in_force={1, 2}) == status


@pytest.mark.parametrize(
    ("upload", "by_hand", "screened", "status"),
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
    upload: Upload, by_hand: Verdict | None, screened: set[int], status: str
) -> None:
    standings = {policy: standing("approve") for policy in screened}
    assert status_of(upload, by_hand=by_hand, standings=standings, in_force={1, 2}) == status
