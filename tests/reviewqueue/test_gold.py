"""Gold items on the pages: admins mark them, moderators meet them unknowingly, and results have two pages."""

import re

import pytest
from django.test import Client

from moderation import storage
from moderation.models import GoldItem, Policy, Upload, User
from moderation.review import claiming, gold
from tests import factories
from tests.moderation.review.test_gold import gold_for, judge, marked

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def often(settings) -> None:
    settings.GRACE_SECONDS = 0
    Policy.objects.update(gold_rate=0.5)


@pytest.fixture
def page(client: Client) -> Client:
    client.force_login(factories.make_user("ada", group="admin"))
    return client


def as_user(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text_of(client: Client, address: str) -> str:
    return " ".join(client.get(address).content.decode().split())


@pytest.mark.parametrize(
    ("group", "items", "checks"),
    [("moderator", 403, 200), ("lead", 403, 200), ("admin", 200, 200), ("operator", 403, 403), ("auditor", 403, 403)],
)
def test_who_may_see_what(group: str, items: int, checks: int) -> None:
    client = as_user(factories.make_user("someone", group=group))
    assert client.get("/thresholds/gold/").status_code == items
    assert client.post("/thresholds/gold/mark/", {"policy": "adult-content"}).status_code in {items, 422}
    assert client.get("/checks/").status_code == checks


def test_an_admin_marks_an_upload_and_retires_it(page: Client) -> None:
    upload = factories.make_screening(score=0.05).upload_id
    body = {"policy": "adult-content", "upload": upload, "truth": "violating", "why": "Three leads agreed."}
    answer = page.post("/thresholds/gold/mark/", body, follow=True).content.decode()
    assert f"Upload {upload} is a gold item now. Its right verdict is violating." in answer
    item = GoldItem.objects.get()
    assert (item.truth, item.marked_by.username) == ("violating", "ada")
    page.post(f"/thresholds/gold/{item.pk}/retire/", {"why": "It was doubtful."})
    assert "No gold item is in use" in page.get("/thresholds/gold/").content.decode()


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"upload": "", "truth": "benign", "why": "Plain."}, 422, "This field is required"),
        ({"upload": "x", "truth": "benign", "why": "Plain."}, 422, "Write the number of an upload."),
        ({"upload": "999999", "truth": "benign", "why": "Plain."}, 422, "Upload 999999 does not exist."),
        ({"upload": "1", "why": "Plain."}, 422, "Choose one."),
        ({"upload": "1", "truth": "benign", "why": ""}, 422, "Say why, in a sentence"),
    ],
)
def test_an_error_in_a_mark_shows_at_its_field(page: Client, body, status: int, said: str) -> None:
    answer = page.post("/thresholds/gold/mark/", {"policy": "adult-content", **body})
    assert answer.status_code == status
    assert said in answer.content.decode()
    assert not GoldItem.objects.exists()


def test_an_upload_that_waits_is_not_marked(page: Client) -> None:
    upload = factories.make_task(score=0.5).upload_id
    body = {"policy": "adult-content", "upload": upload, "truth": "benign", "why": "Plain."}
    answer = page.post("/thresholds/gold/mark/", body)
    assert answer.status_code == 409
    assert "only decided uploads can be gold items" in answer.content.decode()


@pytest.mark.parametrize(("typed", "status", "rate"), [("10", 303, 0.1), ("60", 422, 0.5), ("x", 422, 0.5)])
def test_the_rate_is_set_or_refused(page: Client, typed: str, status: int, rate: float) -> None:
    answer = page.post("/thresholds/gold/rate/", {"policy": "adult-content", "rate": typed})
    assert answer.status_code == status
    assert Policy.objects.get(slug="adult-content").gold_rate == pytest.approx(rate)


def test_retiring_needs_a_reason(page: Client) -> None:
    marked()
    answer = page.post(f"/thresholds/gold/{GoldItem.objects.get().pk}/retire/", {"why": " "})
    assert answer.status_code == 422
    assert GoldItem.objects.get().retired_at is None


def stage_of(client: Client) -> str:
    html = client.get("/").content.decode()
    main = html[html.index("<main") : html.index("</main>")]
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|csrfmiddlewaretoken\" value=\"\w+|\d+", "#", main)


def test_a_gold_item_looks_like_an_ordinary_task() -> None:
    one, two = factories.make_user("one"), factories.make_user("two")
    factories.make_renditions(factories.make_task(score=0.5))
    marked()
    task = gold_for(one)
    assert task is not None
    factories.make_renditions(task)
    Policy.objects.update(gold_rate=0)
    as_user(two).post("/claim/")
    assert claiming.claimed_task(two).kind == "screening"
    assert stage_of(as_user(one)) == stage_of(as_user(two))


def test_after_the_verdict_the_person_learns_that_it_was_gold() -> None:
    mo = factories.make_user("mo")
    factories.make_task(score=0.5)
    marked()
    task = gold_for(mo)
    assert task is not None
    client = as_user(mo)
    client.post(f"/claims/{task.claim_token}/decide/", {"verdict": "benign", "unseen": "confirmed"})
    assert "A gold item changes nothing outside." in client.get("/").content.decode()


def test_admins_see_sums_without_names_and_each_person_their_own_results(page: Client) -> None:
    mo, max_ = factories.make_user("moira"), factories.make_user("maximilian")
    factories.make_task(score=0.5)
    marked()
    judge(mo, "benign")
    judge(max_, "violating")
    pooled = text_of(page, "/thresholds/gold/")
    assert "of violations were missed: 1 of 2 verdicts" in pooled
    assert "moira" not in pooled
    assert "maximilian" not in pooled
    assert "of violations were missed: 1 of 1 verdict," in text_of(as_user(mo), "/checks/")
    assert "of violations were missed: 0 of 1 verdict," in text_of(as_user(max_), "/checks/")


def test_the_uploads_own_page_lists_nobodys_verdict_on_gold(page: Client) -> None:
    factories.make_task(score=0.5)
    screening = marked()
    judge(factories.make_user("moira"), "benign")
    told = page.get(f"/uploads/{screening.upload_id}/").content.decode()
    assert "Screened under" in told
    assert "Decision" not in told
    assert "moira" not in told


def test_how_old_a_task_is_does_not_tell_gold_from_the_last_night() -> None:
    one = factories.make_user("one")
    factories.make_task(score=0.5)
    screening = marked()
    Upload.objects.filter(pk=screening.upload_id).update(received_at="2020-01-01T00:00Z")
    task = gold_for(one)
    assert task is not None
    factories.make_renditions(task)
    assert " d ago" not in stage_of(as_user(one))


def test_the_measured_share_is_the_hint_of_the_field_that_declares_it(page: Client) -> None:
    assert "Gold items have measured nothing yet" in page.get("/thresholds/").content.decode()
    factories.make_task(score=0.5)
    marked()
    judge(factories.make_user("mo"), "benign")
    assert "Measured with gold items: 100 % (20.7 % to 100 %), 1 of 1" in page.get("/thresholds/").content.decode()


def numbers(**changes: object) -> dict[str, object]:
    now = factories.version_in_force()
    typed = {"low": "0.2", "high": "0.8", "audit_rate_approve": "2", "audit_rate_reject": "10", "capacity": ""}
    return {**typed, "why": "Measured.", "policy": "adult-content", "seen": now.pk, **changes}


def test_a_miss_share_is_declared_by_publishing_and_keeps_the_epoch(page: Client) -> None:
    epoch = factories.version_in_force().epoch
    page.post("/thresholds/publish/", numbers(miss_share="15"))
    now = factories.version_in_force()
    assert (now.miss_share, now.epoch) == (0.15, epoch)
    assert 'value="15"' in page.get("/thresholds/").content.decode()
    page.post("/thresholds/publish/", numbers(low="0.3"))
    assert factories.version_in_force().miss_share == 0.15
    page.post("/thresholds/publish/", numbers(miss_share=""))
    assert factories.version_in_force().miss_share == 0


@pytest.mark.parametrize("typed", ["100", "-1", "many"])
def test_an_impossible_miss_share_is_refused_at_its_field(page: Client, typed: str) -> None:
    answer = page.post("/thresholds/publish/", numbers(miss_share=typed))
    assert answer.status_code == 422
    assert answer.context["form"].errors["miss_share"]


def test_the_pages_take_a_constant_number_of_queries(page: Client, django_assert_max_num_queries) -> None:
    for _ in range(3):
        marked()
    with django_assert_max_num_queries(16):
        assert page.get("/thresholds/gold/").content.decode().count("Three leads agreed.") == 3


def test_a_link_from_an_upload_fills_the_form_in(page: Client) -> None:
    upload = factories.make_screening(score=0.05).upload_id
    assert f"upload={upload}" in page.get(f"/uploads/{upload}/").content.decode()
    assert f'value="{upload}"' in page.get(f"/thresholds/gold/?upload={upload}").content.decode()


def test_marking_makes_the_renditions(page: Client) -> None:
    screening = marked()
    assert storage.rendition_path(screening.upload.file.sha256, frame=0, variant="blurred").exists()
    assert gold.items_of(factories.default_policy())[0].verdicts == 0
