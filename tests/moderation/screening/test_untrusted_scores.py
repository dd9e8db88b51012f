"""Uploads whose score is not trusted, through the real models: to a person, and what the statistics make of it."""

import pytest
from django.db import IntegrityError, transaction

from moderation import tuning
from moderation.decoding.plan import UntrustedReason
from moderation.models import LedgerRow, ReviewTask, Screening, User
from moderation.review import claiming
from moderation.routing import Rates
from moderation.tuning import threshold_report
from moderation.tuning.rollup import differences, roll_up
from moderation.tuning.versions import put_in_force
from moderation.verification import verify
from tests.factories import decide_claimed, default_policy, make_screening, make_user, version_in_force
from tests.moderation.tuning.nights import _set_back

pytestmark = pytest.mark.django_db

TINY = UntrustedReason.LOW_RESOLUTION


def reviewed(screening: Screening, verdict: str, *, by: User) -> None:
    (task,) = ReviewTask.objects.open_for([screening])
    claiming.claim_for(task, moderator=by)
    decide_claimed(task, verdict)


@pytest.mark.parametrize("score", [0.0, 0.1, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("u", [0.0, 0.999])
def test_a_person_is_asked_whatever_score_and_coin(score: float, u: float) -> None:
    screening = make_screening(score=score, u=u, untrusted=TINY)
    assert (screening.route, screening.pi, screening.sampling_reason) == ("review", 1.0, "untrusted")
    assert screening.drawn
    assert not screening.effects.exists(), "nothing is told to other programs before the verdict"


@pytest.mark.parametrize(
    "changes",
    [{"untrusted": TINY}, {"untrusted": TINY, "sampling_reason": "untrusted"}, {"sampling_reason": "untrusted"}],
)
def test_the_database_keeps_untrusted_scores_and_routes_together(changes: dict[str, str]) -> None:
    screening = make_screening(score=0.05, u=0.001)
    screening.pk, screening.superseded = None, True
    for name, value in changes.items():
        setattr(screening, name, value)
    with pytest.raises(IntegrityError, match="an_untrusted_score_goes_to_a_person"), transaction.atomic():
        screening.save(force_insert=True)


def test_one_verdict_is_final_and_settles_the_upload() -> None:
    screening = make_screening(score=0.05, untrusted=TINY)
    reviewed(screening, "violating", by=make_user())
    assert not ReviewTask.objects.undecided().exists(), "it is no audit: nobody has to confirm"
    screening.upload.refresh_from_db()
    assert screening.upload.status == "rejected"


def test_verdicts_on_them_are_labels_of_what_is_reviewed() -> None:
    """Three that a person rejected, with scores below low: nothing of them leaked."""
    mo = make_user()
    for score, verdict in ((0.05, "violating"), (0.05, "violating"), (0.1, "violating"), (0.95, "benign")):
        reviewed(make_screening(score=score, untrusted=TINY), verdict, by=mo)
    for _ in range(40):
        reviewed(make_screening(score=0.05, u=0.001), "benign", by=mo)
    roll_up()
    _set_back(2)
    roll_up()
    rows = LedgerRow.objects.filter(region="untrusted").order_by("bin")
    found = rows.values_list("bin", "rate_class", "pi", "uploads", "labelled", "violating")
    assert list(found) == [
        (5, "untrusted:1", 1, 2, 2, 2),
        (10, "untrusted:1", 1, 1, 1, 1),
        (95, "untrusted:1", 1, 1, 1, 0),
    ]
    assert differences() == []
    finding = threshold_report.report_for(default_policy())
    assert finding.estimates.leak_rate.value == 0
    assert finding.estimates.leak_rate.n == 40
    assert finding.estimates.wrongful_rate.value is None
    assert finding.estimates.prevalence.value == pytest.approx(3 / 44)
    assert finding.estimates.review_share.value == pytest.approx(4 / 44)
    leak = next(each for each in finding.evidence if each.risk == "leak")
    assert (sum(leak.bad), sum(leak.good)) == (0, 40)


def test_exact_shares_count_them_as_reviewed_at_any_thresholds() -> None:
    for score, untrusted in ((0.05, ""), (0.05, TINY), (0.5, ""), (0.95, TINY)):
        make_screening(score=score, untrusted=untrusted)
    counts = tuning.score_counts(default_policy())
    assert (counts.total, sum(counts.bins), counts.untrusted) == (4, 2, 2)
    assert counts.shares(low=0.2, high=0.8) == tuning.Shares(approve=1, review=3, reject=0, untrusted=2)
    assert counts.shares(low=1, high=1) == tuning.Shares(approve=2, review=2, reject=0, untrusted=2)


def test_each_is_a_look_where_the_band_is_not_looked_at_whole() -> None:
    shares = tuning.Shares(approve=100, review=30, reject=10, untrusted=10)
    assert shares.reviews_expected(Rates(approve=0.02, review=0.5, reject=0.1)) == 2 + 10 + 10 + 1


def test_verify_knows_how_they_come_about() -> None:
    make_screening(score=0.05, untrusted=TINY)
    rules = {
        "each screening follows its coin and thresholds",
        "each ledger row equals a full recount of the rows it has read",
    }
    assert not [problem for problem in verify().problems if problem.rule in rules and "u is" not in problem.found]


def test_no_community_sends_them_another_way() -> None:
    version = version_in_force().copy_as_draft(by=None, review_rate=0.0)
    put_in_force(version, by=None, why="Nobody has time for the band.")
    assert make_screening(score=0.5, u=0.5).route != "review"
    assert make_screening(score=0.5, u=0.5, untrusted=TINY).route == "review"
