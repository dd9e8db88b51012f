"""The list of uploads, and one upload."""

import re

import pytest
from django.db import connection
from django.test import Client

from moderation.models import ApiToken, Community, GoldItem, ReviewTask, Screening, Upload
from moderation.models.uploads import upload_sources
from moderation.review import claiming
from moderation.review.objections import record_objection
from tests.factories import decide_claimed, make_screening, make_task, make_upload, make_user, red
from tests.reviewqueue.blindness import readable

pytestmark = pytest.mark.django_db


def signed_in(group: str = "auditor") -> Client:
    client = Client()
    client.force_login(make_user(f"{group}-person", group=group))
    return client


def shown(client: Client, query: str = "") -> list[str]:
    return [upload.external_id for upload in client.get(f"/uploads/{query}").context["uploads"]]


def without_spaces_after_tags(html: str) -> str:
    return re.sub(r">\s+", ">", html)


def decide(task: ReviewTask, verdict: str = "benign") -> None:
    mo = make_user("decider")
    claiming.claim_next(mo)
    task.refresh_from_db()
    decide_claimed(task, verdict)


def test_the_newest_upload_comes_first() -> None:
    for name in ("first", "second", "third"):
        make_upload(external_id=name)
    assert shown(signed_in()) == ["third", "second", "first"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?status=approved", ["low"]),
        ("?status=rejected", ["high"]),
        ("?status=in_review", ["middle"]),
        ("?status=pending", ["new"]),
        ("?route=reject", ["high"]),
        ("?source=elsewhere", ["new"]),
        ("?q=IDD", ["middle"]),
        ("?q=low&status=rejected", []),
        ("?q=%25", []),
        ("?before=0", ["new", "high", "middle", "low"]),
    ],
)
def test_filters_narrow_the_list(query: str, found: list[str]) -> None:
    for name, score in (("low", 0.1), ("middle", 0.5), ("high", 0.9)):
        make = make_task if name == "middle" else make_screening
        make(make_upload(external_id=name), score=score)
    make_upload(external_id="new", source="elsewhere")
    assert shown(signed_in(), query) == found


@pytest.mark.parametrize("query", ["?status=lost", "?before=x", "?source=nowhere"])
def test_an_invalid_filter_narrows_nothing(query: str) -> None:
    make_upload(external_id="one")
    page = signed_in().get(f"/uploads/{query}")
    assert page.status_code == 200
    assert [upload.external_id for upload in page.context["uploads"]] == ["one"]


def test_the_list_goes_on_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reviewqueue.uploads.views.PAGE", 2)
    for number in range(5):
        make_upload(external_id=str(number))
    client, seen, query = signed_in(), [], "?source=test"
    while query:
        page = client.get(f"/uploads/{query}")
        seen += [upload.external_id for upload in page.context["uploads"]]
        query = page.context["older"]
    assert seen == ["4", "3", "2", "1", "0"]


def test_the_list_takes_the_same_few_queries_however_long_it_is(django_assert_max_num_queries) -> None:
    client = signed_in("lead")
    for score in (0.1, 0.5, 0.9) * 4:
        make_task(score=score)
    with django_assert_max_num_queries(12):
        client.get("/uploads/")


def test_the_sources_come_from_the_index_alone(django_assert_num_queries) -> None:
    for source in ("shop", "shop", "forum", "Ärzte", ""):
        make_upload(source=source)
    with django_assert_num_queries(1):
        assert upload_sources() == sorted({"shop", "forum", "Ärzte", ""})


def test_without_uploads_there_is_no_source() -> None:
    assert upload_sources() == []


@pytest.mark.parametrize("part", ["needle", "NEEDLE", "a_needle%"])
def test_the_search_by_a_part_of_the_external_id_uses_an_index(part: str) -> None:
    make_upload(external_id="hay with a_needle% in it")
    found = Upload.objects.filter(external_id__icontains=part)
    with connection.cursor() as cursor:
        # In a table of one row the planner would read it all.
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert "upload_external_id_part_idx" in found.explain()
    assert found.count() == 1


def test_an_upload_takes_few_queries(django_assert_max_num_queries) -> None:
    client, task = signed_in(), make_task(score=0.5)
    decide(task)
    with django_assert_max_num_queries(16):
        client.get(f"/uploads/{task.upload_id}/")


def test_an_upload_shows_its_record() -> None:
    art = Community.objects.create(slug="art", name="Art")
    task = make_task(make_upload(external_id="cat.jpg", community=art, uploader_reference="u-17"), score=0.4321)
    decide(task, "violating")
    page = signed_in().get(f"/uploads/{task.upload_id}/").content.decode()
    for text in (
        "cat.jpg",
        "u-17",
        "Art",
        "0.4321",
        "version 1",
        "Decision: violating",
        "decider",
        "nudity",
        "rejected",
    ):
        assert text in page


def test_events_are_in_the_order_of_time() -> None:
    task = make_task(score=0.5)
    decide(task)
    events = signed_in().get(f"/uploads/{task.upload_id}/").context["events"]
    assert [event.what for event in events] == [
        "Received",
        "Screened under Adult content: review",
        "Decision: benign",
        "Effect: approve",
    ]


@pytest.mark.parametrize("score", [0.1234, 0.5678, 0.9876])
def test_people_who_may_review_see_no_score_route_or_status_before_the_verdict(score: float, settings) -> None:
    """An audit of an approved upload looks like any other waiting upload."""
    task = make_task(score=score)
    client = signed_in("lead")
    for url in ("/uploads/", f"/uploads/{task.upload_id}/"):
        page = without_spaces_after_tags(client.get(url).content.decode().split("</form>")[-1])
        assert f"{score:.4f}" not in page
        for word in ("audit", "Effect", "Screened", ">approve", "approved<", "rejected<", "band"):
            assert word not in page, word
    # What the machine did is confirmed, so that nobody else is asked.
    decide(task, "violating" if score > 0.9 else "benign")
    assert f"{score:.4f}" not in client.get(f"/uploads/{task.upload_id}/").content.decode()
    settings.GRACE_SECONDS = 0
    assert f"{score:.4f}" in client.get(f"/uploads/{task.upload_id}/").content.decode()


@pytest.mark.parametrize("query", ["?status=approved", "?route=approve"])
def test_filters_reveal_nothing_hidden_to_people_who_may_review(query: str) -> None:
    make_task(make_upload(external_id="audit"), score=0.1)
    assert shown(signed_in("lead"), query) == []
    assert shown(signed_in("auditor"), query) == ["audit"]


def test_an_audit_shows_as_in_review_to_people_who_may_review_it() -> None:
    make_task(make_upload(external_id="audit"), score=0.1)
    assert shown(signed_in("lead"), "?status=in_review") == ["audit"]


def test_an_upload_of_the_same_bytes_hides_its_score_and_route_too(settings) -> None:
    """Uploads of the same bytes have the same score, so a decided one would reveal that of the other."""
    waits = make_task(make_upload(content=red(0.1)), score=0.1234)
    twin = make_screening(make_upload(content=red(0.1)), score=0.1234).upload
    client = signed_in("lead")
    for url in ("/uploads/", f"/uploads/{twin.pk}/"):
        page = without_spaces_after_tags(client.get(url).content.decode().split("</form>")[-1])
        for word in ("0.1234", "Screened", ">approve", "approved<"):
            assert word not in page, word
    assert shown(client, "?route=approve") == shown(client, "?status=approved") == []
    decide(waits)
    settings.GRACE_SECONDS = 0
    assert "0.1234" in client.get(f"/uploads/{twin.pk}/").content.decode()


def test_a_gold_item_looks_undecided_to_whoever_may_be_given_it() -> None:
    gold = gold_item(make_screening(score=0.1234))
    page = signed_in("lead").get(f"/uploads/{gold.upload_id}/")
    assert "0.1234" not in page.content.decode()
    assert page.context["upload"].hidden
    assert not signed_in("auditor").get(f"/uploads/{gold.upload_id}/").context["upload"].hidden


def test_uploads_that_a_person_may_be_asked_about_are_equal_byte_for_byte() -> None:
    """Band, audits, second opinions, reports, appeals, gold items: one page for all of them."""
    lead = signed_in("lead")

    def page(upload: Upload) -> str:
        return re.sub(r"[0-9a-f]{64}|\d+", "#", readable(lead.get(f"/uploads/{upload.pk}/")))

    pages = {name: page(upload) for name, upload in uploads_to_be_asked_about().items()}
    assert {name for name, html in pages.items() if html != pages["band"]} == set()


def uploads_to_be_asked_about() -> dict[str, Upload]:
    token, _ = ApiToken.objects.issue(name="platform", source="test")
    second = make_task(score=0.05)
    decide(second, "violating")
    reported, appealed = make_screening(score=0.1), make_screening(score=0.9)
    record_objection(reported, kind="report", text="Look.", token=token)
    record_objection(appealed, kind="appeal", text="Look.", token=token)
    gold = gold_item(make_screening(score=0.1))
    band, audit = make_task(score=0.5), make_task(score=0.1)
    names = ["band", "audit", "second opinion", "report", "appeal", "gold"]
    asked = [band, audit, second, reported, appealed, gold]
    return {name: each.upload for name, each in zip(names, asked, strict=True)}


def gold_item(screening: Screening) -> Screening:
    GoldItem.objects.create(policy=screening.policy, screening=screening, truth="benign", why="A statue.")
    return screening


def test_people_who_cannot_review_see_the_score_at_once() -> None:
    task = make_task(score=0.4321)
    assert "0.4321" in signed_in("auditor").get(f"/uploads/{task.upload_id}/").content.decode()


def test_no_page_of_an_upload_shows_an_image() -> None:
    task = make_task(score=0.5)
    client = signed_in()
    for url in ("/uploads/", f"/uploads/{task.upload_id}/"):
        assert "<img" not in client.get(url).content.decode()


def test_an_upload_leads_to_its_own_page() -> None:
    upload = make_upload()
    assert upload.get_absolute_url() == f"/uploads/{upload.pk}/"
    assert signed_in().get(upload.get_absolute_url()).status_code == 200


@pytest.mark.parametrize("url", ["/uploads/", "/uploads/1/", "/uploads/new/"])
def test_moderators_may_not_open_these_pages(url: str) -> None:
    assert signed_in("moderator").get(url).status_code == 403
