"""The sum of a night's runs."""

import pytest

from moderation.reporting.night import Night, NoSuchRun
from tests.factories import version_in_force
from tests.moderation.reporting.runs import make_run

pytestmark = pytest.mark.django_db


def test_a_night_is_what_started_within_24_hours_up_to_the_last_run() -> None:
    make_run(ago=60, uploads=5)
    first, last = make_run(ago=30, uploads=7), make_run(ago=8, uploads=9)
    night = Night.of()
    assert list(night.runs) == [first, last]
    assert night.counts["uploads"] == 16


def test_one_run_by_its_number() -> None:
    first, _ = make_run(ago=9, uploads=7), make_run(ago=8, uploads=9)
    assert Night.of(first.pk).counts["uploads"] == 7


def test_two_machines_at_a_time_count_their_hours_once() -> None:
    make_run(ago=8, lasting=2, uploads=3600)
    make_run(ago=7, lasting=2, uploads=3600)
    make_run(ago=3, lasting=1, uploads=3600)
    night = Night.of()
    assert night.seconds == pytest.approx(4 * 3600, abs=1)
    assert night.per_second == pytest.approx(0.75, abs=0.01)


@pytest.mark.parametrize("options", [{"dry_run": True}, {"mode": "shadows"}, {"mode": "rescore"}])
def test_rescoring_runs_are_not_added_up(options: dict[str, object]) -> None:
    other = make_run(ago=2, uploads=100, **options)
    make_run(ago=1, uploads=9)
    assert Night.of().counts["uploads"] == 9
    assert Night.of(other.pk).counts["uploads"] == 100


def test_reasons_come_with_the_most_frequent_first() -> None:
    make_run(ago=1, counts={"quarantined:timed_out": 1, "quarantined:truncated": 3, "quarantined:bomb": 1})
    assert list(Night.of().quarantined.items()) == [("truncated", 3), ("bomb", 1), ("timed_out", 1)]


def test_the_policy_versions_of_all_runs_are_listed_once() -> None:
    make_run(ago=2)
    make_run(ago=1)
    assert Night.of().versions == [version_in_force()]
    (told,) = Night.of().as_json()["versions"]
    assert (told["policy"], told["version"], told["classifier"]) == ("adult-content", 1, "open_nsfw")


def test_a_missing_run_is_reported() -> None:
    with pytest.raises(NoSuchRun, match="There is no run of the pre-screen yet"):
        Night.of()
    make_run(ago=1)
    with pytest.raises(NoSuchRun, match="There is no run 12345"):
        Night.of(12345)


def test_a_night_takes_the_same_queries_however_many_runs_it_has(django_assert_num_queries) -> None:
    for ago in range(1, 20):
        make_run(ago=ago)
    with django_assert_num_queries(3):
        night = Night.of()
        assert len(night.runs) == 19
        assert night.as_json()["versions"]
