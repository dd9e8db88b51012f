"""Sending images in from the browser, and asking for a pre-screen."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from moderation.models import StoredFile, Upload
from tests.factories import image_bytes, make_user
from tests.moderation.intake.test_receiving import no_file_larger_than

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def signed_in(group: str = "operator") -> Client:
    client = Client()
    client.force_login(make_user(f"{group}-person", group=group))
    return client


def send(client: Client, *named: tuple[str, bytes], headers: dict[str, str] | None = None):
    files = [SimpleUploadedFile(name, content) for name, content in named]
    return client.post("/uploads/new/", {"images": files}, headers=headers or {})


def test_each_file_has_its_own_outcome() -> None:
    client, picture = signed_in("operator"), image_bytes((1, 2, 3))
    page = send(client, ("a.png", picture), ("notes.txt", b"no picture at all"), ("b.png", image_bytes((4, 5, 6))))
    outcomes = [(outcome.name, outcome.created, bool(outcome.refusal)) for outcome in page.context["outcomes"]]
    assert outcomes == [("a.png", True, False), ("notes.txt", False, True), ("b.png", True, False)]
    assert b"This is a plain text file. Accepted are" in page.content
    assert "use “Pre-screen now” on the list of uploads.".encode() in page.content
    assert [(upload.source, str(upload.received_by)) for upload in Upload.objects.all()] == [
        ("upload page", "operator-person")
    ] * 2


def test_the_same_file_again_adds_nothing_and_says_so() -> None:
    client, picture = signed_in("operator"), image_bytes((1, 2, 3))
    send(client, ("a.png", picture))
    page = send(client, ("a.png", picture))
    assert b"already received" in page.content
    assert Upload.objects.count() == 1


def test_other_bytes_under_the_same_name_are_refused() -> None:
    client = signed_in("operator")
    send(client, ("a.png", image_bytes((1, 2, 3))))
    page = send(client, ("a.png", image_bytes((4, 5, 6))))
    assert "already received with other bytes" in page.context["outcomes"][0].refusal
    assert StoredFile.objects.count() == 1


def test_a_file_that_is_too_large_or_empty_is_refused_with_its_reason(settings) -> None:
    settings.UPLOAD_MAX_BYTES = 1000
    page = send(signed_in("operator"), ("large.png", b"\x89PNG" + bytes(2000)), ("empty.png", b""))
    assert [outcome.refusal.split(";")[0] for outcome in page.context["outcomes"]] == [
        "Found 2,004 bytes",
        "Found an empty file",
    ]


@pytest.mark.parametrize("headers", [HTMX, {}])
def test_too_many_files_are_an_error_at_the_field_and_nothing_is_saved(headers: dict[str, str]) -> None:
    page = send(signed_in("operator"), *((f"{number}.png", image_bytes()) for number in range(101)), headers=headers)
    assert page.status_code == 422
    assert "Found more than 100 files; at most 100 are accepted at once. Nothing was saved." in page.content.decode()
    assert (b"<html" in page.content) is (headers == {})
    assert not Upload.objects.exists()


def test_as_many_files_as_the_page_names_are_received(settings) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 3
    client = signed_in("operator")
    assert "At most 3 files at once, together at most 250.0 MB." in client.get("/uploads/new/").content.decode()
    page = send(client, *((f"{number}.png", image_bytes()) for number in range(3)))
    assert len(page.context["outcomes"]) == 3


def test_too_many_files_tell_nothing_to_those_who_may_not_send() -> None:
    files = [(f"{number}.png", b"x") for number in range(101)]
    assert send(signed_in("moderator"), *files).status_code == 403
    assert send(Client(), *files)["Location"].startswith("/accounts/login/")


def test_too_many_files_elsewhere_are_a_request_that_is_not_understood() -> None:
    files = [SimpleUploadedFile(f"{number}.png", b"x") for number in range(101)]
    client = Client(enforce_csrf_checks=True)
    client.cookies["csrftoken"] = "x" * 32
    page = client.post("/accounts/login/", {"images": files})
    assert page.status_code == 400
    assert b"could not be understood" in page.content


def test_a_full_disk_is_told_without_the_servers_paths(settings) -> None:
    with no_file_larger_than(50_000):
        page = send(signed_in("operator"), ("large.png", image_bytes() + bytes(100_000)))
    assert b"This file was not saved. Send it again later" in page.content
    assert str(settings.DATA_DIR) not in page.content.decode()


@pytest.mark.parametrize("headers", [HTMX, {}])
def test_sending_no_file_shows_an_error_at_the_field(headers: dict[str, str]) -> None:
    page = send(signed_in("operator"), headers=headers)
    assert page.status_code == 422
    assert b"Choose at least one file" in page.content
    assert (b"<html" in page.content) is (headers == {})


def test_the_name_of_a_file_is_written_as_text() -> None:
    page = send(signed_in("operator"), ("<b>x.png", image_bytes((1, 2, 3))))
    assert b"<b>x.png" not in page.content
    assert b"&lt;b&gt;x.png" in page.content


def test_prescreen_now_asks_the_worker_once() -> None:
    client = signed_in("operator")
    for expected in ("A pre-screen was requested", "is waiting for the worker already"):
        answer = client.post("/uploads/prescreen/", follow=True)
        assert answer.redirect_chain == [("/uploads/", 303)]
        assert expected in answer.content.decode()


def test_prescreen_now_is_for_those_who_send() -> None:
    assert signed_in("moderator").post("/uploads/prescreen/").status_code == 403
    assert signed_in("operator").get("/uploads/prescreen/").status_code == 405
