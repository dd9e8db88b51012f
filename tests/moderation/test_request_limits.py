"""Bodies are refused by their length before a byte of them is read."""

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from moderation.models import Upload
from tests.factories import image_bytes, make_user
from tests.moderation.api.test_api import Unread

pytestmark = pytest.mark.django_db

FORM = "multipart/form-data; boundary=x"
PLACES = ["/accounts/login/", "/claim/", "/uploads/new/", "/thresholds/draft/", "/admin/", "/api/v1/docs"]


def signed_in(group: str) -> Client:
    client = Client()
    client.force_login(make_user("person", group=group))
    return client


def send_unread(client: Client, path: str, **head: Any) -> Any:
    # A token of the right form is enough for the check of forms to read the body.
    client.cookies["csrftoken"] = "x" * 32
    return client.generic("POST", path, content_type=FORM, **{"wsgi.input": Unread(), **head})


@pytest.mark.parametrize("length", ["2500001", "250000000", "9" * 5000])
@pytest.mark.parametrize("path", PLACES)
def test_a_stranger_sends_no_long_body(path: str, length: str) -> None:
    answer = send_unread(Client(enforce_csrf_checks=True), path, CONTENT_LENGTH=length)
    assert answer.status_code == 413
    assert "At most 2.5 MB are accepted" in answer.content.decode()


@pytest.mark.parametrize(
    "head",
    [
        {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"},
        {"CONTENT_LENGTH": "²"},
        {"CONTENT_LENGTH": "-1"},
        {"CONTENT_LENGTH": "many"},
    ],
)
@pytest.mark.parametrize("path", PLACES)
def test_a_body_says_how_long_it_is(path: str, head: dict[str, str]) -> None:
    answer = send_unread(Client(enforce_csrf_checks=True), path, **head)
    assert answer.status_code == 411
    assert "needs the header Content-Length" in answer.content.decode()


def test_a_post_without_a_body_needs_no_length() -> None:
    assert signed_in("moderator").generic("POST", "/claim/", CONTENT_LENGTH="").status_code == 303


@pytest.mark.parametrize(("group", "length"), [("operator", "252500001"), ("auditor", "2500001")])
def test_a_few_of_the_largest_images_at_once_from_who_may_send_them(group: str, length: str) -> None:
    assert send_unread(signed_in(group), "/uploads/new/", CONTENT_LENGTH=length).status_code == 413


def test_several_images_that_do_not_fit_into_memory_come_in_and_leave_nothing_behind(settings: Settings) -> None:
    settings.UPLOAD_MAX_BYTES, settings.DATA_UPLOAD_MAX_MEMORY_SIZE, settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 3000, 999, 0
    images = [SimpleUploadedFile(f"{red}.png", image_bytes((red, 0, 0)) + bytes(1000)) for red in range(3)]
    answer = signed_in("operator").post("/uploads/new/", {"images": images})
    assert [outcome.created for outcome in answer.context["outcomes"]] == [True] * 3
    assert Upload.objects.count() == 3
    assert not list(Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir())


def test_the_api_knows_a_length_of_many_digits() -> None:
    answer = send_unread(Client(), "/api/v1/uploads", CONTENT_LENGTH="9" * 5000)
    assert answer.status_code == 413
    assert "at most 25,065,536 are accepted" in answer.json()["detail"]
