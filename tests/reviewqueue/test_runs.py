"""The pages of the pre-screen's runs."""

import pytest
from django.test import Client

from tests.factories import make_upload, make_user
from tests.moderation.reporting.runs import make_ledger_day, make_run

pytestmark = pytest.mark.django_db


def signed_in(group: str = "operator") -> Client:
    client = Client()
    client.force_login(make_user(f"{group}-person", group=group))
    return client


@pytest.mark.parametrize(
    ("group", "status"), [("operator", 200), ("lead", 200), ("admin", 200), ("moderator", 403), ("auditor", 403)]
)
def test_operators_leads_and_admins_may_see_runs(group: str, status: int) -> None:
    run = make_run(ago=1)
    client = signed_in(group)
    assert client.get("/runs/").status_code == status
    assert client.get(run.get_absolute_url()).status_code == status
    assert (b">Runs<" in client.get("/keys/").content) is (status == 200)


def test_before_the_first_run_the_page_says_how_to_start_one() -> None:
    page = signed_in().get("/runs/")
    assert b"No runs yet" in page.content
    assert b"manage.py prescreen" in page.content


def test_the_list_shows_the_backlog_and_all_runs() -> None:
    make_upload()
    make_run(ago=30, uploads=4, state="failed", work_left=None)
    make_run(ago=3, uploads=1234, work_left=17, counts={"approve": 1000, "quarantined:truncated": 3})
    page = signed_in().get("/runs/").content.decode()
    for words in ("1,234", "3 truncated", "17", "unknown", "failed", "Oldest since", "Free"):
        assert words in page, words


def test_a_run_shows_its_options() -> None:
    make_run(ago=3, uploads=5, dry_run=True, max_seconds=60)
    assert "--dry-run --max-seconds 60" in signed_in().get("/runs/").content.decode()


def test_warnings_stand_on_top() -> None:
    make_run(ago=3, state="interrupted", work_left=None)
    page = signed_in().get("/runs/").content.decode()
    assert page.index("was killed. Nothing is lost") < page.index("All runs")


def test_the_list_goes_on_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reviewqueue.runs.views.PAGE", 2)
    made = [make_run(ago=ago).pk for ago in (5, 4, 3, 2, 1)]
    client, seen, query = signed_in(), [], ""
    while query is not None:
        page = client.get(f"/runs/{query}")
        seen += [run.pk for run in page.context["runs"]]
        query = f"?before={page.context['older']}" if page.context["older"] else None
    assert seen == made[::-1]


@pytest.mark.parametrize("query", ["?before=x", "?before=-1", "?before=", f"?before={'9' * 30}", "?before=%D9%A3"])
def test_an_invalid_page_shows_the_first(query: str) -> None:
    run = make_run(ago=1)
    assert [each.pk for each in signed_in().get(f"/runs/{query}").context["runs"]] == [run.pk]


def test_a_run_shows_its_outcome_its_versions_and_a_caution_about_drift() -> None:
    run = make_run(ago=1, uploads=50, counts={"approve": 40, "review": 10}, max_seconds=3600)
    make_ledger_day(days_ago=1 / 24, bins={2: 40, 60: 10})
    make_ledger_day(days_ago=3, bins={2: 90, 60: 10})
    page = signed_in().get(f"/runs/{run.pk}/").content.decode()
    for words in ("50 uploads in", "40 (80.0 %)", "--max-seconds 3600", "version 1, 0.20 to 0.80, open_nsfw"):
        assert words in page, words
    assert "KS distance 0.100: 50 uploads beside 100 of the 28 days before" in page
    assert "Do not rely on drift alone." in page
    assert "<polyline" in page


@pytest.mark.parametrize(
    ("state", "said"),
    [("running", "is still going"), ("failed", "The run failed"), ("interrupted", "The run was killed")],
)
def test_a_run_that_did_not_end_well_says_so(state: str, said: str) -> None:
    run = make_run(ago=1, state=state, work_left=None)
    assert said in signed_in().get(f"/runs/{run.pk}/").content.decode()


def test_an_unknown_run_is_not_found() -> None:
    assert signed_in().get("/runs/12345/").status_code == 404


def test_the_list_takes_the_same_few_queries_however_many_runs_there_are(django_assert_max_num_queries) -> None:
    client = signed_in()
    for ago in range(1, 25):
        make_run(ago=ago)
    with django_assert_max_num_queries(26):
        client.get("/runs/")
