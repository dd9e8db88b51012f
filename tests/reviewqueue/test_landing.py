"""Where people land after signing in, and that signing in claims nothing for whoever has other work."""

import pytest
from django.test import Client

from moderation.models import ApiToken, ReviewTask
from moderation.review.objections import record_objection
from tests.factories import PASSWORD, make_screening, make_task, make_upload, make_user

pytestmark = pytest.mark.django_db


def landed(role: str, *, client: Client | None = None) -> str:
    """Open the start, sign in, and return where that leads."""
    client = client or Client()
    make_user(role, group=role)
    sign_in = client.get("/")["Location"]
    return client.post(sign_in, {"login": role, "password": PASSWORD}).url


@pytest.mark.parametrize(
    ("role", "page"),
    [
        ("moderator", "/"),
        ("lead", "/"),
        ("admin", "/thresholds/"),
        ("operator", "/runs/"),
        ("auditor", "/thresholds/"),
    ],
)
def test_people_land_on_the_page_of_their_work(role: str, page: str) -> None:
    make_task()
    assert landed(role) == page


def test_a_lead_lands_where_something_waits() -> None:
    token, _ = ApiToken.objects.issue(name="platform", source="test")
    record_objection(make_screening(score=0.05), kind="report", text="Look.", token=token)
    assert landed("lead") == "/appeals/"


def test_quarantine_comes_before_appeals() -> None:
    make_upload(quarantine_reason="truncated", status="quarantined")
    assert landed("lead") == "/quarantine/"


def test_whoever_was_sent_to_sign_in_from_a_page_returns_to_it() -> None:
    client = Client()
    make_user("lead", group="lead")
    sign_in = client.get("/uploads/")["Location"]
    assert client.post(sign_in, {"login": "lead", "password": PASSWORD, "next": "/uploads/"}).url == "/uploads/"


@pytest.mark.parametrize(("role", "starts"), [("moderator", True), ("lead", False), ("admin", False)])
def test_the_queue_starts_by_itself_only_for_people_whose_only_work_it_is(role: str, *, starts: bool) -> None:
    make_task()
    client = Client()
    landed(role, client=client)
    page = client.get("/").content.decode()
    assert "Start reviewing" in page
    assert ('hx-trigger="load, submit"' in page) is starts
    assert not ReviewTask.objects.exclude(claimed_by=None).exists()


def test_an_account_without_a_group_is_told_so() -> None:
    client = Client()
    make_user("new").groups.clear()
    client.post("/accounts/login/", {"login": "new", "password": PASSWORD})
    assert client.get("/").status_code == 403
