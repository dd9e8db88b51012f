"""Pages of lists, which know whether another page follows and count nothing."""

import pytest
from django.http import HttpRequest
from django.test import RequestFactory

from moderation import bounded_count
from moderation.models import Upload
from reviewqueue.pagination import LAST_PAGE, newest_first, numbered_page
from tests.factories import make_upload

pytestmark = pytest.mark.django_db


def page_at(query: str) -> HttpRequest:
    return RequestFactory().get(f"/list/{query}")


def rows() -> list[int]:
    return [make_upload().pk for _ in range(5)]


@pytest.mark.parametrize(
    ("query", "expected", "earlier", "later"),
    [
        ("", [0, 1], "", "?page=2"),
        ("?page=2&q=x", [2, 3], "?page=1&q=x", "?page=3&q=x"),
        ("?page=3", [4], "?page=2", ""),
        ("?page=4", [0, 1], "", "?page=2"),
        ("?page=0", [0, 1], "", "?page=2"),
        ("?page=-1", [0, 1], "", "?page=2"),
        ("?page=x", [0, 1], "", "?page=2"),
        (f"?page={'9' * 30}", [0, 1], "", "?page=2"),
    ],
)
def test_a_page_leads_to_its_neighbours(query: str, expected: list[int], earlier: str, later: str) -> None:
    made = rows()
    page = numbered_page(page_at(query), Upload.objects.order_by("pk"), size=2)
    assert [upload.pk for upload in page] == [made[index] for index in expected]
    assert (page.earlier, page.later) == (earlier, later)


def test_a_page_takes_one_query_and_counts_nothing(django_assert_num_queries) -> None:
    rows()
    with django_assert_num_queries(1) as asked:
        numbered_page(page_at("?page=2"), Upload.objects.order_by("pk"), size=2)
    assert "COUNT" not in asked.captured_queries[0]["sql"].upper()


def test_no_page_lies_further_down_than_an_offset_may_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reviewqueue.pagination.LAST_PAGE", 2)
    rows()
    page = numbered_page(page_at("?page=2"), Upload.objects.order_by("pk"), size=1)
    assert (page.number, page.later) == (2, "")
    assert LAST_PAGE > 2


def test_newest_first_goes_on_below_the_last_row() -> None:
    made = rows()
    seen, before = [], None
    while True:
        page, before = newest_first(Upload.objects.all(), before=before, size=2)
        seen += [upload.pk for upload in page]
        if before is None:
            break
    assert seen == made[::-1]


@pytest.mark.parametrize(("limit", "number", "text"), [(4, 5, "4+"), (5, 5, "5"), (6, 5, "5")])
def test_a_bounded_count_is_exact_up_to_its_limit(
    monkeypatch: pytest.MonkeyPatch, limit: int, number: int, text: str
) -> None:
    monkeypatch.setattr("moderation.bounded_count.COUNT_LIMIT", limit)
    rows()
    assert bounded_count.bounded_count(Upload.objects.all()) == number
    assert bounded_count.count_text(number) == text


def test_a_bounded_count_reads_no_more_rows_than_its_limit(django_assert_num_queries) -> None:
    with django_assert_num_queries(1) as asked:
        bounded_count.bounded_count(Upload.objects.all())
    assert f"LIMIT {bounded_count.COUNT_LIMIT + 1}" in asked.captured_queries[0]["sql"]
