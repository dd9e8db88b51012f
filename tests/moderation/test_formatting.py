"""How numbers and times are written for people."""

from datetime import UTC, date, datetime

import pytest

from moderation.formatting import counted, day, moment


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 uploads"), (1, "1 upload"), (2, "2 uploads"), (12_345, "12,345 uploads")]
)
def test_a_count_agrees_with_its_noun(number: int, text: str) -> None:
    assert counted(number, "upload") == text


def test_a_noun_may_have_a_plural_of_its_own() -> None:
    assert [counted(number, "entry", plural="entries") for number in (1, 2)] == ["1 entry", "2 entries"]


def test_a_moment_names_its_time_zone(settings) -> None:
    when = datetime(2026, 11, 30, 23, 5, tzinfo=UTC)
    assert moment(when) == "30 Nov 2026, 23:05 UTC"
    settings.TIME_ZONE = "Europe/Berlin"
    assert moment(when) == "1 Dec 2026, 00:05 CET"


def test_a_day_is_that_of_the_local_time_zone(settings) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    assert day(datetime(2026, 11, 30, 23, 5, tzinfo=UTC)) == "1 Dec 2026"
    assert day(date(2026, 11, 30)) == "30 Nov 2026"
