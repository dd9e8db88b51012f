"""Only the holder of a live claim gets pictures, and a clear one only after its exposure is recorded."""

import io
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.db.models.functions import Now
from django.test import Client
from PIL import Image

from moderation.models import Exposure, ReviewTask, User
from moderation.review import claiming
from moderation.review.claims import Claim
from reviewqueue.review.context import rendition_path_or_404
from tests import factories

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@pytest.fixture
def mo() -> User:
    return factories.make_user("mo")


@pytest.fixture
def task(mo: User) -> ReviewTask:
    return held(factories.make_task(), mo=mo)


def held(task: ReviewTask, *, mo: User) -> ReviewTask:
    factories.make_renditions(task)
    claiming.claim_for(task, moderator=mo)
    return task


@pytest.fixture
def page(client: Client, mo: User) -> Client:
    client.force_login(mo)
    return client


def image(task: ReviewTask, variant: str) -> str:
    return f"/claims/{task.claim_token}/images/1/{variant}/"


def reveal(page: Client, task: ReviewTask, **options: object) -> object:
    return page.post(f"/claims/{task.claim_token}/reveal/", **options)


def content(page: Client, url: str) -> bytes:
    return b"".join(page.get(url).streaming_content)


def test_the_blurred_picture_is_served_to_the_holder(page: Client, task: ReviewTask) -> None:
    assert content(page, image(task, "blurred")) == rendition_path_or_404(task, variant="blurred").read_bytes()


def test_the_clear_picture_is_refused_before_the_reveal_and_served_after_it(page: Client, task: ReviewTask) -> None:
    assert page.get(image(task, "clear")).status_code == 403
    reveal(page, task, headers=HTMX)
    assert content(page, image(task, "clear")) == rendition_path_or_404(task, variant="clear").read_bytes()


def full_path(task: ReviewTask) -> Path:
    return rendition_path_or_404(task, variant="full")


def test_the_full_picture_is_neither_served_nor_made_before_the_reveal(page: Client, task: ReviewTask) -> None:
    assert page.get(image(task, "full")).status_code == 403
    assert not full_path(task).exists()


def test_the_full_picture_has_the_pixels_of_the_upload(page: Client, mo: User) -> None:
    upload = factories.make_upload(content=factories.image_bytes(size=(2400, 1800)))
    task = held(factories.make_task(upload), mo=mo)
    reveal(page, task)
    with Image.open(io.BytesIO(content(page, image(task, "full")))) as shown:
        assert (shown.format, shown.size) == ("JPEG", (2400, 1800))


def test_the_full_picture_is_made_once(page: Client, task: ReviewTask) -> None:
    reveal(page, task)
    first = content(page, image(task, "full"))
    full_path(task).write_bytes(b"made before")
    assert (first[:3], content(page, image(task, "full"))) == (b"\xff\xd8\xff", b"made before")


def test_a_full_picture_that_cannot_be_made_is_404_without_the_name_of_the_file(
    page: Client, task: ReviewTask, caplog: pytest.LogCaptureFixture
) -> None:
    reveal(page, task)
    task.upload.file.path.unlink()
    answer = page.get(image(task, "full"))
    assert answer.status_code == 404
    assert task.upload.file.sha256 not in answer.content.decode()
    assert f"{task.upload} could not be made: file_missing" in caplog.text


def test_an_exposure_is_recorded_once_per_claim(page: Client, task: ReviewTask) -> None:
    assert reveal(page, task, headers=HTMX).status_code == 204  # type: ignore[attr-defined]
    reveal(page, task, headers=HTMX)
    assert Exposure.objects.get().claim_token == task.claim_token


def test_without_javascript_the_page_shows_the_clear_picture_only_after_the_reveal(
    page: Client, task: ReviewTask
) -> None:
    assert '<img class="clear"' not in page.get("/?revealed").content.decode()
    assert reveal(page, task)["Location"] == "/?revealed"  # type: ignore[index]
    assert '<img class="clear"' in page.get("/?revealed").content.decode()
    assert '<img class="clear"' not in page.get("/").content.decode()


@pytest.mark.parametrize("variant", ["blurred", "clear", "full"])
def test_nobody_caches_a_picture(page: Client, task: ReviewTask, variant: str) -> None:
    reveal(page, task)
    answer = page.get(image(task, variant))
    answer.close()
    assert answer["Cache-Control"] == "no-store, private"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Type"].startswith("image/")


@pytest.mark.parametrize("variant", ["blurred", "clear", "full"])
def test_another_person_gets_no_picture(client: Client, task: ReviewTask, variant: str) -> None:
    claiming.reveal(task, claim=Claim.from_task(task))  # type: ignore[arg-type]
    client.force_login(factories.make_user("zoe", group="admin"))
    assert client.get(image(task, variant)).status_code == 403


@pytest.mark.parametrize("variant", ["blurred", "clear", "full"])
def test_a_claim_that_ran_out_shows_nothing(page: Client, task: ReviewTask, variant: str) -> None:
    reveal(page, task)
    ReviewTask.objects.filter(pk=task.pk).update(claim_expires_at=Now() - timedelta(seconds=1))
    assert page.get(image(task, variant)).status_code == 403


@pytest.mark.parametrize("token", [UUID(int=0), UUID(int=4)])
def test_a_wrong_token_shows_nothing(page: Client, task: ReviewTask, token: UUID) -> None:
    assert page.get(f"/claims/{token}/images/1/blurred/").status_code == 403


@pytest.mark.parametrize("variant", ["clear", "full"])
def test_an_earlier_claims_reveal_does_not_count_for_a_new_one(
    page: Client, task: ReviewTask, mo: User, variant: str
) -> None:
    reveal(page, task)
    claiming.claim_for(task, moderator=mo)
    assert page.get(image(task, variant)).status_code == 403


def test_a_reveal_without_a_claim_is_409_and_writes_nothing(page: Client, task: ReviewTask) -> None:
    answer = page.post(f"/claims/{uuid4()}/reveal/", headers=HTMX)
    assert (answer.status_code, answer["HX-Retarget"]) == (409, "#workplace")
    assert not Exposure.objects.exists()


@pytest.mark.parametrize("variant", ["original", "upload", "clear.jpg"])
def test_no_other_variant_is_served_and_no_upload(page: Client, task: ReviewTask, variant: str) -> None:
    assert page.get(image(task, variant)).status_code == 404


def test_a_missing_file_is_404(page: Client, task: ReviewTask) -> None:
    rendition_path_or_404(task, variant="blurred").unlink()
    assert page.get(image(task, "blurred")).status_code == 404


def test_nginx_gets_the_location_of_the_file(page: Client, task: ReviewTask, settings: object) -> None:
    settings.RENDITIONS_ACCEL_PREFIX = "/private/renditions/"  # type: ignore[attr-defined]
    answer = page.get(image(task, "blurred"))
    name = rendition_path_or_404(task, variant="blurred").name
    assert answer["X-Accel-Redirect"] == f"/private/renditions/{name[:2]}/{name[2:4]}/{name}"
    assert answer["Cache-Control"] == "no-store, private"
    assert answer.content == b""


def test_a_stranger_is_asked_to_sign_in(client: Client, task: ReviewTask) -> None:
    assert client.get(image(task, "blurred")).status_code == 302
