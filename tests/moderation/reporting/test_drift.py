"""Score drift of a night against the 28 days before, by the ledger's counts."""

import pytest

from moderation.models import Classifier
from moderation.reporting.drift import drift_of
from moderation.reporting.night import Night
from moderation.statistics.drift import ks_of_counts, psi_of_counts
from moderation.tuning.versions import put_in_force
from tests.factories import version_in_force
from tests.moderation.reporting.runs import hours_ago, make_ledger_day, make_run

pytestmark = pytest.mark.django_db


def test_a_night_like_those_before_has_not_drifted() -> None:
    make_run(ago=1)
    for days in range(5):
        make_ledger_day(days_ago=days + 1 / 24, bins={2: 80, 40: 15, 90: 5})
    (drift,) = drift_of(Night.of())
    assert (drift.psi, drift.ks) == (0, 0)
    assert (drift.night.sum(), drift.reference.sum()) == (100, 400)


def test_a_drifted_night_is_compared_with_exactly_28_days() -> None:
    make_run(ago=1, lasting=0.1)
    make_ledger_day(days_ago=1 / 24, bins={2: 50, 90: 50})
    make_ledger_day(days_ago=28, bins={2: 90, 90: 10})
    make_ledger_day(days_ago=29 + 2 / 24, bins={50: 1000})
    (drift,) = drift_of(Night.of())
    assert drift.ks == pytest.approx(0.4) == ks_of_counts([90, 10], [50, 50])
    assert drift.psi == pytest.approx(psi_of_counts([90, 10], [50, 50]))


def test_another_classifiers_scores_are_not_compared() -> None:
    make_ledger_day(days_ago=3, bins={2: 100})
    other = Classifier.objects.create(
        name="other", sha256="1" * 64, preprocessing_version="1", manifest={}, positive_label="nsfw", licence="MIT"
    )
    put_in_force(version_in_force().copy_as_draft(by=None, classifier=other), by=None, why="Another one.")
    make_run(ago=1)
    make_ledger_day(days_ago=1 / 24, bins={90: 100})
    (drift,) = drift_of(Night.of())
    assert (drift.reference.sum(), drift.psi, drift.ks) == (0, None, None)


def test_a_night_that_the_ledger_has_not_counted_has_no_drift() -> None:
    make_run(ago=1)
    make_ledger_day(days_ago=3, bins={2: 100})
    (drift,) = drift_of(Night.of())
    assert (drift.psi, drift.ks) == (None, None)


def test_the_cost_does_not_grow_with_uploads(django_assert_num_queries) -> None:
    make_run(ago=1)
    night = Night.of()
    assert night.versions
    assert hours_ago(1) < night.ended_at
    with django_assert_num_queries(2):
        drift_of(night)
