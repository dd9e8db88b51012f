"""The backlog and its forecast."""

import math

import pytest

from moderation.models import Upload
from moderation.reporting import row_estimate
from moderation.reporting.backlog import Backlog
from moderation.reporting.night import Night
from moderation.reporting.row_estimate import RowCount, estimated_count
from moderation.reporting.text import forecast
from tests.factories import make_upload
from tests.moderation.reporting.runs import make_run

pytestmark = pytest.mark.django_db


def waiting(count: int) -> None:
    for _ in range(count):
        make_upload()


def backlog() -> Backlog:
    return Backlog.of(Night.of())


def test_the_forecast_uses_the_speed_of_the_last_night() -> None:
    waiting(3)
    make_run(ago=2, lasting=1, uploads=36)
    found = backlog()
    assert found.seconds == pytest.approx(300, rel=0.01)
    assert "5 min 0 s" in forecast(found) or "5 min" in forecast(found) or "4 min 59 s" in forecast(found)
    assert found.nights is None


def test_arriving_uploads_are_those_screened_since_plus_the_backlogs_growth() -> None:
    make_run(ago=49, lasting=1, uploads=500, work_left=1)
    make_run(ago=25, lasting=1, uploads=10, work_left=2)
    make_run(ago=1, lasting=1, uploads=8, work_left=3)
    waiting(3)
    # In 48 hours 18 were screened, and the backlog grew from 1 to 3.
    assert backlog().arriving == pytest.approx(10, rel=0.01)


def test_an_hour_is_too_short_to_estimate_a_day() -> None:
    make_run(ago=3, work_left=0)
    waiting(1)
    assert backlog().arriving is None


@pytest.mark.parametrize("options", [{"policy": "adult-content"}, {"since": "2026-01-01"}, {"mode": "rescore"}])
def test_uploads_left_by_a_restricted_run_are_not_the_whole_backlog(options: dict[str, object]) -> None:
    make_run(ago=49, **options)
    assert backlog().arriving is None


def test_nights_with_a_window_reduce_the_backlog_by_what_arrives_less() -> None:
    make_run(ago=25, lasting=1, uploads=0, work_left=12)
    make_run(ago=1, lasting=1, uploads=8, work_left=6, max_seconds=3600, state="stopped")
    waiting(6)
    found = backlog()
    # Two arrive per day; a night of one hour screens eight, six more than arrive, at the speed of both runs together.
    gained = 3600 * found.per_second - found.arriving
    assert found.nights == math.ceil(6 / gained)
    assert "done in" in forecast(found)


def test_a_backlog_that_grows_is_never_done() -> None:
    make_run(ago=25, lasting=1, uploads=0, work_left=0)
    make_run(ago=1, lasting=1, uploads=2, work_left=50, max_seconds=60, state="stopped")
    waiting(50)
    assert backlog().nights == math.inf
    assert "never done" in forecast(backlog())
    assert backlog().as_json()["grows"] is True


def test_without_a_speed_there_is_no_forecast() -> None:
    waiting(1)
    make_run(ago=1)
    assert "not known" in forecast(backlog())
    assert "not known" in forecast(Backlog.of(None))


def test_an_empty_backlog() -> None:
    make_run(ago=1, uploads=5)
    assert (backlog().oldest, forecast(backlog())) == (None, "nothing is pending")


def test_large_numbers_of_rows_are_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting(5)
    assert estimated_count(Upload.objects.pending()) == RowCount(5)
    monkeypatch.setattr(row_estimate, "COUNTED", 3)
    found = estimated_count(Upload.objects.pending())
    assert not found.exact
    assert found.number >= 4
    assert str(found).startswith("about ")
