"""The report on a classifier in shadow mode, through the real models: nights, the coin, the ledger."""

import io
import json
import re
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from moderation.models import Screening, Shadow
from moderation.statistics.risks import counts_for
from moderation.tuning import shadow_report
from tests.database_owner import tampering
from tests.factories import make_shadow, make_shadow_score
from tests.moderation.tuning.nights import Nights

pytestmark = pytest.mark.django_db
# The active classifier's score of each upload, and the shadow's two: they disagree about every other upload.
SCORES = {0.05: (0.02, 0.95), 0.5: (0.1, 0.6), 0.95: (0.03, 0.99)}


@pytest.fixture
def shadow() -> Shadow:
    return make_shadow()


def put_long_ago(shadow: Shadow, *, days: int) -> None:
    with tampering():
        Shadow.objects.filter(pk=shadow.pk).update(started_at=timezone.now() - timedelta(days=days))
    shadow.refresh_from_db()


def score_along(shadow: Shadow) -> None:
    """Give every other upload the first of its two shadow scores, and the rest the second."""
    for number, screening in enumerate(Screening.objects.order_by("pk")):
        make_shadow_score(screening, shadow, SCORES[screening.score][number % 2])


def a_night(nights: Nights, *, each: int = 20) -> None:
    nights.upload({0.05: ["benign"] * each, 0.5: ["violating", "benign"] * (each // 2), 0.95: ["violating"] * each})
    nights.review()
    nights.close()


def open_platform() -> Nights:
    nights = Nights()
    nights.publish(low=0.2, high=0.8, audit_rate_approve=0.5, audit_rate_reject=0.5)
    return nights


def test_the_same_labels_are_binned_by_the_scores_of_the_shadow(shadow: Shadow) -> None:
    nights = open_platform()
    a_night(nights)
    put_long_ago(shadow, days=30)
    score_along(shadow)
    proof = shadow_report.report_on_shadow(shadow, low=0.2, high=0.9)
    drawn = {upload: known for upload, known in nights.known.items() if known.drawn}
    below, above = set(), set()
    for number, screening in enumerate(Screening.objects.order_by("pk")):
        value = SCORES[screening.score][number % 2]
        (below if value < 0.2 else above if value >= 0.9 else set()).add(screening.upload_id)
    assert proof.ledger.uploads.sum() == len(nights.known)
    for risk, side, bad in (("leak", below, "violating"), ("wrongful", above, "benign")):
        counts = counts_for(proof.ledger, risk, 0.2, 0.9)
        truths = [known.truth for upload, known in drawn.items() if upload in side]
        assert sum(counts[0]) == truths.count(bad), risk
        assert sum(counts[0]) + sum(counts[1]) == len(truths), risk


def test_the_floor_is_the_least_of_the_epoch(shadow: Shadow) -> None:
    """The shadow can reject uploads that the active classifier approves, which were drawn at the rate of approvals."""
    a_night(open_platform())
    put_long_ago(shadow, days=30)
    score_along(shadow)
    proof = shadow_report.report_on_shadow(shadow, low=0.2, high=0.9)
    assert (proof.epoch.pi_floor["leak"], proof.epoch.pi_floor["wrongful"]) == (0.02, 0.1)
    assert {claim.pi_floor for claim in proof.evidence} == {0.02}


def test_what_was_screened_before_it_was_chosen_does_not_count(shadow: Shadow) -> None:
    nights = open_platform()
    a_night(nights)
    score_along(shadow)
    proof = shadow_report.report_on_shadow(shadow, low=0.2, high=0.9)
    assert (proof.days, proof.ledger.uploads.sum()) == ([], 0)
    with pytest.raises(shadow_report.TooEarly, match="may have helped to choose it"):
        shadow_report.report_on_shadow(shadow, low=0.2, high=0.9, since=shadow.started_at.date())


def test_while_an_upload_lacks_its_score_nothing_is_certified(shadow: Shadow) -> None:
    nights = open_platform()
    a_night(nights)
    put_long_ago(shadow, days=30)
    proof = shadow_report.report_on_shadow(shadow, low=0.2, high=0.9)
    assert proof.unscored == len(nights.known)
    assert all("lack its score" in claim.refused and not claim.certified for claim in proof.evidence)


def test_the_command_shows_the_report(shadow: Shadow) -> None:
    nights = open_platform()
    a_night(nights)
    put_long_ago(shadow, days=30)
    score_along(shadow)
    told = json.loads(report("--json"))["proof"]
    assert told["n_labelled"] == sum(known.drawn for known in nights.known.values())
    assert {claim["risk"] for claim in told["evidence"]} == {"leak", "miss", "wrongful", "escapes"}
    assert "1 closed day since" in report()


def test_before_the_first_day_that_counts_the_command_names_that_day(shadow: Shadow) -> None:
    put_long_ago(shadow, days=0)
    assert re.search(r"audits count uploads from \d+ \w+ \d{4} on, so there are none yet\.", report())


def test_a_day_too_early_is_refused(shadow: Shadow) -> None:
    with pytest.raises(CommandError, match="or later"):
        report("--since", "2020-01-01")


def report(*arguments: str) -> str:
    out = io.StringIO()
    pair = ("--low", "0.2", "--high", "0.9", "--policy", "adult-content")
    call_command("classifiers", "shadow", "green", "--report", *pair, *arguments, stdout=out)
    return out.getvalue()
