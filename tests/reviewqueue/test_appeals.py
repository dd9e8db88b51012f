"""Reports and appeals on the pages, and the list of them."""

import re

import pytest
from django.test import Client

from moderation.models import Objection, ReviewTask, User
from moderation.review import claiming
from moderation.review.objections import record_objection
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_once(settings) -> None:
    settings.GRACE_SECONDS = 0


@pytest.fixture
def lead() -> User:
    return factories.make_user("lena", group="lead")


@pytest.fixture
def page(client: Client, lead: User) -> Client:
    client.force_login(lead)
    return client


def served_to(user: User) -> tuple[Client, ReviewTask]:
    """Sign in, and claim with the form of the page."""
    client = Client()
    client.force_login(user)
    client.post("/claim/")
    task = claiming.claimed_task(user)
    assert task is not None
    factories.make_renditions(task)
    return client, task


def decide_by_page(by: User, verdict: str) -> None:
    client, task = served_to(by)
    body = {"verdict": verdict, "reason": "nudity" if verdict == "violating" else ""}
    client.post(f"/claims/{task.claim_token}/decide/", body)


@pytest.mark.parametrize(
    ("group", "report", "appeal", "listed"),
    [
        ("moderator", 200, 403, 403), ("lead", 200, 200, 200), ("admin", 200, 200, 200),
        ("operator", 403, 403, 403), ("auditor", 403, 403, 403),
    ],
)  # fmt: skip
def test_who_may_report_appeal_and_see_the_list(client, group: str, report: int, appeal: int, listed: int) -> None:
    screening = factories.make_screening(score=0.05)
    client.force_login(factories.make_user("someone", group=group))
    assert client.get(f"/uploads/{screening.upload_id}/report/").status_code == report
    assert client.get(f"/uploads/{screening.upload_id}/appeal/").status_code == appeal
    assert client.get("/appeals/").status_code == listed


def test_a_lead_appeals_another_decides_and_the_list_says_so(page: Client) -> None:
    screening = factories.make_screening(score=0.95)
    answer = page.post(f"/uploads/{screening.upload_id}/appeal/", {"text": "A statue."}, follow=True)
    assert answer.redirect_chain == [("/appeals/", 303)]
    assert "A statue." in answer.content.decode()
    assert 'badge unsure">waiting' in answer.content.decode()
    decide_by_page(factories.make_user("mo"), "benign")
    told = page.get("/appeals/").content.decode()
    assert 'badge approve">approved' in told
    assert "before: reject" in told
    assert "Appeal</b>" in page.get(f"/uploads/{screening.upload_id}/").content.decode()


def test_a_moderator_reports_an_upload_and_returns_to_the_queue(client: Client) -> None:
    mo = factories.make_user("mo")
    screening = factories.make_task(score=0.5).screening
    decide_by_page(mo, "benign")
    client.force_login(mo)
    assert f"/uploads/{screening.upload_id}/report/" in client.get("/").content.decode()
    answer = client.post(f"/uploads/{screening.upload_id}/report/", {"text": "I looked too fast."}, follow=True)
    assert answer.redirect_chain == [("/", 303)]
    assert "A person who has not decided on it will review it." in answer.content.decode()
    assert claiming.claim_next(mo) is None


def test_a_refused_objection_shows_why_and_saves_nothing(page: Client) -> None:
    waiting = factories.make_task(score=0.5).screening
    early = page.post(f"/uploads/{waiting.upload_id}/appeal/", {"text": "A statue."})
    assert early.status_code == 409
    assert "Nothing is decided about upload" in early.content.decode()
    assert "A statue." in early.content.decode()
    empty = page.post(f"/uploads/{waiting.upload_id}/report/", {"text": "  "})
    assert empty.status_code == 422
    assert "Say why, in a sentence" in empty.content.decode()
    assert not Objection.objects.exists()


def test_the_refusal_of_an_appeal_does_not_reveal_an_audit(page: Client) -> None:
    def told(score: float) -> tuple[int, str]:
        pk = factories.make_task(score=score).upload_id
        answer = page.post(f"/uploads/{pk}/appeal/", {"text": "A statue."})
        return answer.status_code, answer.context["form"].non_field_errors()[0].replace(str(pk), "#")

    assert told(0.05) == told(0.95) == told(0.5)
    assert not Objection.objects.exists()


def test_an_appeal_looks_like_an_ordinary_task(page: Client) -> None:
    def stage(user: User) -> str:
        html = served_to(user)[0].get("/").content.decode()
        main = html[html.index("<main") : html.index("</main>")]
        return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|csrfmiddlewaretoken\" value=\"\w+|\d+", "#", main)

    screening = factories.make_screening(score=0.95)
    page.post(f"/uploads/{screening.upload_id}/appeal/", {"text": "A statue."})
    appealed = stage(factories.make_user("one"))
    factories.make_task(score=0.5)
    assert stage(factories.make_user("two")) == appealed


def test_the_list_takes_a_constant_number_of_queries(page: Client, lead: User, django_assert_num_queries) -> None:
    for _ in range(3):
        record_objection(factories.make_screening(score=0.05), kind="report", text="Look.", by=lead)
    # session, user, permissions of the user and of the groups, page; the header: waiting, today, quarantined
    with django_assert_num_queries(8):
        assert page.get("/appeals/").content.decode().count("Look.") == 3


def test_nobody_has_objected(page: Client) -> None:
    assert "No reports or appeals yet" in page.get("/appeals/").content.decode()
