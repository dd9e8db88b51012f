"""The pages of shadow mode: changed routes, blurred images, and its end."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from moderation import storage
from moderation.models import Exposure, ReviewTask, Screening, Shadow, Upload
from moderation.routing import Route
from tests.factories import (
    make_screening,
    make_shadow,
    make_shadow_score,
    make_task,
    make_user,
    use_red_classifier,
    version_in_force,
)

pytestmark = pytest.mark.django_db
AT = "?low=0.20&high=0.80"


def signed_in(group: str = "admin") -> Client:
    client = Client()
    client.force_login(make_user(f"{group}-person", group=group))
    return client


@pytest.fixture
def shadow() -> Shadow:
    return make_shadow()


def compared(shadow: Shadow, *scores: tuple[float, float]) -> list[Screening]:
    screenings = [make_screening(score=now) for now, _ in scores]
    for screening, (_, then) in zip(screenings, scores, strict=True):
        make_shadow_score(screening, shadow, then)
    return screenings


def flips(client: Client, shadow: Shadow, query: str = AT) -> list[tuple[int, str]]:
    page = client.get(f"/thresholds/shadows/{shadow.pk}/{query}")
    return [(flip.screening.upload_id, f"{flip.now}-{flip.then}") for flip, *_ in page.context["flips"]]


def test_the_page_shows_shares_and_flips_the_worst_first(shadow: Shadow) -> None:
    one, two, _ = compared(shadow, (0.1, 0.5), (0.1, 0.9), (0.9, 0.95))
    client = signed_in("auditor")
    assert flips(client, shadow) == [(two.upload_id, "approve-reject"), (one.upload_id, "approve-review")]
    assert flips(client, shadow, f"{AT}&way=approve-review") == [(one.upload_id, "approve-review")]
    page = client.get(f"/thresholds/shadows/{shadow.pk}/{AT}")
    found = {row["route"]: (row["now"], row["then"]) for row in page.context["shares"]}
    assert found == {Route.APPROVE: (2, 0), Route.REVIEW: (0, 1), Route.REJECT: (1, 2)}
    assert page.content.count(b'<rect class="cell"') == 3


def test_without_candidates_the_page_compares_at_equal_shares(shadow: Shadow) -> None:
    compared(shadow, (0.1, 0.3), (0.5, 0.6), (0.9, 0.97))
    page = signed_in("lead").get(f"/thresholds/shadows/{shadow.pk}/")
    assert [row["change"] for row in page.context["shares"]] == [0, 0, 0]
    assert b"not a recommendation" in page.content


@pytest.mark.parametrize("query", ["?low=0.205&high=0.8", "?low=0.2", "?low=0.9&high=0.1", "?low=x&high=1", "?page=0"])
def test_invalid_candidates_are_422(shadow: Shadow, query: str) -> None:
    compared(shadow, (0.1, 0.3))
    assert signed_in().get(f"/thresholds/shadows/{shadow.pk}/{query}").status_code == 422


@pytest.mark.parametrize("path", ["", "1/", "1/uploads/1/blurred/"])
def test_moderators_do_not_see_scores(path: str) -> None:
    assert signed_in("moderator").get(f"/thresholds/shadows/{path}").status_code == 403


def test_an_upload_that_waits_is_hidden_from_people_who_may_review_it(shadow: Shadow) -> None:
    task = make_task(score=0.5)
    make_shadow_score(task.screening, shadow, 0.9)
    lead, auditor = signed_in("lead"), signed_in("auditor")
    picture = f"/thresholds/shadows/{shadow.pk}/uploads/{task.upload_id}/blurred/"
    assert flips(lead, shadow) == []
    assert b"wait for a verdict that you may be asked for" in lead.get(f"/thresholds/shadows/{shadow.pk}/{AT}").content
    assert lead.get(picture).status_code == 404
    assert flips(auditor, shadow) == [(task.upload_id, "review-reject")]


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def reveal(client: Client, shadow: Shadow, upload: Upload) -> str:
    """Open the page, which makes the pictures, reveal one, and return the address of the clear image."""
    client.get(f"/thresholds/shadows/{shadow.pk}/{AT}")
    answer = client.post(
        f"/thresholds/shadows/{shadow.pk}/uploads/{upload.pk}/reveal/", {"low": "0.20", "high": "0.80"}
    )
    assert answer.status_code == 303
    token = parse_qs(urlsplit(answer["Location"]).query)["revealed"][0]
    assert f"clear/?token={token}" in client.get(answer["Location"]).content.decode()
    return f"/thresholds/shadows/{shadow.pk}/uploads/{upload.pk}/clear/?token={token}"


def test_pictures_are_made_and_no_clear_byte_is_served_before_a_reveal(shadow: Shadow) -> None:
    (screening,) = compared(shadow, (0.1, 0.9))
    upload, client = screening.upload, signed_in("lead")
    page = client.get(f"/thresholds/shadows/{shadow.pk}/{AT}")
    blurred = storage.rendition_path(upload.file.sha256, frame=0, variant="blurred")
    assert body(client.get(f"/thresholds/shadows/{shadow.pk}/uploads/{upload.pk}/blurred/")) == blurred.read_bytes()
    assert b"/clear/" not in page.content
    for query in ("", "?token=", f"?token={'0' * 32}"):
        assert client.get(f"/thresholds/shadows/{shadow.pk}/uploads/{upload.pk}/clear/{query}").status_code == 403
    clear = reveal(client, shadow, upload)
    assert body(client.get(clear)) == storage.rendition_path(upload.file.sha256, frame=0, variant="clear").read_bytes()
    assert Exposure.objects.get().upload == upload


def test_a_reveal_holds_for_one_person_and_one_image_for_a_while(shadow: Shadow, settings: Any) -> None:
    one, two = compared(shadow, (0.1, 0.9), (0.1, 0.95))
    client = signed_in("lead")
    clear = reveal(client, shadow, one.upload)
    assert client.get(clear.replace(f"/uploads/{one.upload_id}/", f"/uploads/{two.upload_id}/")).status_code == 403
    assert signed_in("admin").get(clear).status_code == 403
    settings.CLAIM_SECONDS = 0
    assert client.get(clear).status_code == 403


def test_a_reveal_of_a_picture_that_does_not_exist_records_no_exposure(shadow: Shadow) -> None:
    (screening,) = compared(shadow, (0.1, 0.9))
    address = f"/thresholds/shadows/{shadow.pk}/uploads/{screening.upload_id}/reveal/"
    assert "revealed" not in signed_in("lead").post(address, {"low": "0.20", "high": "0.80"})["Location"]
    assert not Exposure.objects.exists()


def test_people_who_may_not_review_cannot_reveal(shadow: Shadow) -> None:
    (screening,) = compared(shadow, (0.1, 0.9))
    client = signed_in("auditor")
    address = f"/thresholds/shadows/{shadow.pk}/uploads/{screening.upload_id}/reveal/"
    assert client.post(address).status_code == 403
    assert b"/reveal/" not in client.get(f"/thresholds/shadows/{shadow.pk}/{AT}").content
    assert not Exposure.objects.exists()


def test_queries_do_not_grow_with_the_uploads(shadow: Shadow, django_assert_max_num_queries: Any) -> None:
    compared(shadow, *[(0.1, 0.9)] * 15)
    client = signed_in()
    with django_assert_max_num_queries(26):
        client.get(f"/thresholds/shadows/{shadow.pk}/{AT}")


def test_shadow_mode_starts_on_the_page() -> None:
    use_red_classifier()
    client = signed_in()
    started = client.post("/thresholds/shadows/", {"classifier": "open_nsfw", "policy": "adult-content"})
    assert started.status_code == 302
    assert Shadow.objects.get().classifier.name == "open_nsfw"
    refused = client.post("/thresholds/shadows/", {"classifier": "open_nsfw", "policy": "adult-content"})
    assert b"is already in shadow mode under adult-content" in refused.content
    assert signed_in("auditor").post("/thresholds/shadows/", {}).status_code == 403


def test_activating_on_the_page_takes_its_own_thresholds_and_labels() -> None:
    before = version_in_force()
    use_red_classifier()
    shadow = Shadow.objects.create(
        policy=before.policy, classifier=before.classifier, labels=["nsfw", "sfw"], combination="sum"
    )
    client, seen = signed_in(), version_in_force().pk
    terms = {"low": "0.33", "high": "0.66", "why": "It proved itself.", "seen": seen}
    assert client.post(f"/thresholds/shadows/{shadow.pk}/activate/", terms).status_code == 302
    now = version_in_force()
    assert (now.classifier, now.low, now.high, now.labels) == (before.classifier, 0.33, 0.66, ["nsfw", "sfw"])
    shadow.refresh_from_db()
    assert shadow.ended_at is not None
    again = client.post(f"/thresholds/shadows/{shadow.pk}/activate/", terms, follow=True)
    assert b"Another version was put in force since" in again.content


def test_shadow_mode_ends_on_the_page(shadow: Shadow) -> None:
    client = signed_in()
    page = client.post(f"/thresholds/shadows/{shadow.pk}/end/", follow=True)
    assert b"Shadow mode of green has ended." in page.content
    assert not Shadow.objects.current().exists()


def test_without_scores_there_is_nothing_to_compare(shadow: Shadow) -> None:
    client = signed_in()
    assert b"Nothing to compare yet" in client.get(f"/thresholds/shadows/{shadow.pk}/").content
    assert b"green" in client.get("/thresholds/shadows/").content
    assert not ReviewTask.objects.exists()


def test_only_scores_of_the_active_classifier_are_compared(shadow: Shadow) -> None:
    (screening,) = compared(shadow, (0.1, 0.9))
    assert flips(signed_in(), shadow) == [(screening.upload_id, "approve-reject")]
    use_red_classifier()
    assert flips(signed_in("lead"), shadow) == []


def test_the_page_says_which_uploads_count_as_evidence(shadow: Shadow) -> None:
    compared(shadow, (0.1, 0.9))
    content = signed_in().get(f"/thresholds/shadows/{shadow.pk}/{AT}").content.decode()
    assert "Error rates in shadow mode" in content
    assert "Only uploads that came in after shadow mode began count as" in content
