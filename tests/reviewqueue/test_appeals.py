"""Reports and appeals on the pages, and the list of them."""

import re

import pytest
from django.test import Client

from moderation.models import ApiToken, Exposure, Objection, ReviewTask, User
from moderation.review import claiming
from moderation.review.objections import record_objection
from tests import factories
from tests.reviewqueue.blindness import without_tokens

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
    body = {"verdict": verdict, "unseen": "confirmed", "reason": "nudity" if verdict == "violating" else ""}
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
    someone = factories.make_user("someone", group=group)
    Exposure.objects.reveal(screening.upload, person=someone)
    client.force_login(someone)
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
    assert 'badge unsure">waiting' in page.get("/appeals/").content.decode()
    decide_by_page(factories.make_user("ma"), "benign")
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
    empty = page.post(f"/uploads/{waiting.upload_id}/appeal/", {"text": "  "})
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
        record_objection(factories.make_screening(score=0.05), kind="appeal", text="Look.", by=lead)
    # session, user, permissions of the user and of the groups, page; the header: waiting, today, quarantined
    with django_assert_num_queries(8):
        assert page.get("/appeals/").content.decode().count("Look.") == 3


def test_a_moderator_finds_no_upload_by_its_number(client: Client) -> None:
    client.force_login(factories.make_user("mo"))
    undecided, decided = factories.make_task(score=0.5), factories.make_screening(score=0.05)
    quarantined = factories.make_upload(quarantine_reason="truncated", status="quarantined")
    known = factories.make_match(factories.make_entry(factories.make_hash_list(name="Secret partner"), b"known"))
    pages = [client.get("/uploads/999999/report/").content.decode()]
    for pk in (undecided.upload_id, decided.upload_id, quarantined.pk, known.upload_id):
        for answer in (client.get(f"/uploads/{pk}/report/"), client.post(f"/uploads/{pk}/report/", {"text": "Look."})):
            assert answer.status_code == 404
            pages.append(answer.content.decode())
    assert len({without_tokens(html) for html in pages}) == 1
    assert not Objection.objects.exists()


def test_what_a_list_or_quarantine_closed_is_not_explained_to_moderators(client: Client) -> None:
    mo = factories.make_user("mo")
    client.force_login(mo)
    quarantined = factories.make_upload(quarantine_reason="truncated", status="quarantined")
    listed = factories.make_match(factories.make_entry(factories.make_hash_list(name="Secret partner"), b"known"))
    for upload in (quarantined, listed.upload):
        Exposure.objects.reveal(upload, person=mo)
        answer = client.post(f"/uploads/{upload.pk}/report/", {"text": "Look."})
        assert answer.status_code == 409
        told = answer.context["form"].non_field_errors()
        assert told == ["Nobody can look at this upload again. Nothing was saved."]


def test_more_reports_than_a_day_allows_are_refused_in_words(client: Client, settings) -> None:
    settings.REPORTS_PER_DAY = 0
    mo, screening = factories.make_user("mo"), factories.make_screening(score=0.05)
    Exposure.objects.reveal(screening.upload, person=mo)
    client.force_login(mo)
    answer = client.post(f"/uploads/{screening.upload_id}/report/", {"text": "Look."})
    assert answer.status_code == 429
    assert "at most 0 are accepted. Nothing was saved. Tell a lead" in answer.content.decode()


def test_the_list_hides_what_a_lead_may_be_asked_about(page: Client) -> None:
    token, _ = ApiToken.objects.issue(name="SECRET-SOURCE", source="test")
    for kind, score in (("report", 0.05), ("appeal", 0.95)):
        record_objection(factories.make_screening(score=score), kind=kind, text="SECRET-REASON", token=token)
    html = page.get("/appeals/").content.decode()
    rows = html[html.index("<tbody>") : html.index("</tbody>")].split("<tr>")[1:]
    assert "SECRET" not in html
    assert rows[0].strip() == rows[1].strip()
    assert "hidden until it is answered" in rows[0]


def test_a_hidden_objection_shows_when_its_answer_is_in_force(page: Client, settings) -> None:
    token, _ = ApiToken.objects.issue(name="platform", source="test")
    record_objection(factories.make_screening(score=0.05), kind="report", text="Look at it.", token=token)
    settings.GRACE_SECONDS = 60
    decide_by_page(factories.make_user("mo"), "benign")
    assert "Look at it." not in page.get("/appeals/").content.decode()
    settings.GRACE_SECONDS = 0
    assert "Look at it." in page.get("/appeals/").content.decode()


def test_nobody_has_objected(page: Client) -> None:
    assert "No reports or appeals yet" in page.get("/appeals/").content.decode()
