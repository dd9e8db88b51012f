"""Every refusal below /api/ is JSON that says what was found, what is accepted and what to do."""

import threading
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client

from moderation.models import ApiToken, Upload
from tests.factories import image_bytes, make_screening, make_upload, make_user

pytestmark = pytest.mark.django_db

URL = "/api/v1/uploads"
FORM = "multipart/form-data; boundary=x"


@pytest.fixture
def program() -> Client:
    secret = ApiToken.objects.issue(name="platform", source="shop")[1]
    return Client(headers={"Authorization": f"Bearer {secret}"}, raise_request_exception=False)


def file(name: str = "x.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, image_bytes())


def detail_of(response: Any, *, status: int) -> str:
    assert response.status_code == status
    assert response["Content-Type"] == "application/json"
    assert int(response.headers.get("Content-Length", len(response.content))) == len(response.content)
    assert response.json().keys() == {"detail"}
    return str(response.json()["detail"])


@pytest.mark.parametrize("path", ["/api/", "/api/v1/", "/api/v1/nope", "/api/v1/uploads/", "/api/v2/uploads"])
@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_an_unknown_address_is_refused(program: Client, path: str, method: str) -> None:
    assert "/api/v1/openapi.json" in detail_of(getattr(program, method)(path), status=404)


@pytest.mark.parametrize(
    ("path", "allowed"),
    [(URL, {"GET", "POST"}), (f"{URL}/1", {"GET"}), (f"{URL}/1/reports", {"POST"}), (f"{URL}/1/objections", {"GET"})],
)
def test_another_method_is_refused_with_those_that_are_accepted(program: Client, path: str, allowed: set[str]) -> None:
    response = program.delete(path)
    assert "Found the method DELETE" in detail_of(response, status=405)
    assert set(response["Allow"].split(", ")) == allowed


def test_the_description_is_only_read(program: Client) -> None:
    assert "accepted here: GET, HEAD" in detail_of(program.post("/api/v1/openapi.json"), status=405)


def test_a_form_without_its_token_is_refused() -> None:
    client = Client(enforce_csrf_checks=True)
    detail_of(client.post("/api/v1/openapi.json"), status=403)


def test_a_host_that_is_not_served_is_refused(program: Client) -> None:
    detail_of(program.get(URL, headers={"Host": "elsewhere.example"}), status=400)


def test_an_account_without_the_right_is_refused() -> None:
    client = Client()
    client.force_login(make_user(group="moderator"))
    detail_of(client.get("/api/v1/openapi.json"), status=403)


def test_the_documentation_is_a_page_and_so_are_its_refusals() -> None:
    client = Client()
    client.force_login(make_user(group="moderator"))
    assert b"<html" in client.get("/api/v1/docs").content


@pytest.mark.parametrize(
    ("sent", "type_", "said"),
    [
        (b"{", "application/json", "not JSON"),
        (b"\xff\xfe\xfd", "application/json", "not JSON"),
        (b"[" * 100_000, "application/json", "not JSON"),
        (b"[]", "application/json", "not an object"),
        (b'"x"', "application/json", "not an object"),
        (b"reason=x", "application/x-www-form-urlencoded", "not JSON"),
    ],
)
def test_a_body_that_is_not_a_json_object_is_refused(program: Client, sent: bytes, type_: str, said: str) -> None:
    make_screening(upload := make_upload(source="shop"), score=0.1)
    response = program.post(f"{URL}/{upload.pk}/reports", sent, content_type=type_)
    assert said in detail_of(response, status=400)


def test_no_body_at_all_is_refused(program: Client) -> None:
    make_screening(upload := make_upload(source="shop"), score=0.1)
    response = program.generic("POST", f"{URL}/{upload.pk}/reports", CONTENT_LENGTH="0")
    assert "Found no body" in detail_of(response, status=422)


@pytest.mark.parametrize("type_", ["application/json", "application/x-www-form-urlencoded", "image/png", "", "\0"])
def test_an_image_comes_as_a_form(program: Client, type_: str) -> None:
    response = program.post(URL, b'{"external_id": "1.png"}', content_type=type_)
    assert "multipart/form-data is accepted" in detail_of(response, status=400)


@pytest.mark.parametrize("length", ["2500001", "9" * 30])
def test_a_long_json_body_is_refused_before_it_is_read(program: Client, length: str) -> None:
    response = program.generic("POST", f"{URL}/1/reports", content_type="application/json", CONTENT_LENGTH=length)
    assert "at most 2,500,000 are accepted" in detail_of(response, status=413)


def test_more_text_than_a_form_has_is_refused(program: Client) -> None:
    response = program.post(URL, {"file": file(), "external_id": "x" * 2_600_000})
    assert "in fields that are not files" in detail_of(response, status=413)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"colour": "red"}, "unknown field 'colour' in the form; accepted are external_id, uploader, community"),
        ({"File": "x"}, "unknown field 'File' in the form"),
        ({"uploader": ["a", "b"]}, "the field 'uploader' 2 times; once is accepted"),
        ({"file": [file("a.png"), file("b.png")]}, "Found 2 files; one file a request"),
        ({"second": file("b.png")}, "Found 2 files; one file a request"),
        ({f"file{number}": file() for number in range(101)}, "one file a request"),
        ({f"field{number}": "x" for number in range(1_001)}, "far more fields"),
    ],
)
def test_a_part_that_would_be_dropped_is_refused(program: Client, sent: dict[str, Any], said: str) -> None:
    response = program.post(URL, {"file": file(), "external_id": "1.png", **sent})
    assert said in detail_of(response, status=422)
    assert not Upload.objects.exists()


@pytest.mark.parametrize(
    ("method", "address", "said"),
    [
        ("get", f"{URL}?external_id=a&status=x", "unknown field 'status' in the query; accepted are external_id."),
        ("get", f"{URL}?external_id=a&external_id=b", "the field 'external_id' 2 times"),
        ("get", f"{URL}/1?verbose=1", "unknown field 'verbose' in the query; none is accepted"),
        ("post", f"{URL}?external_id=a", "unknown field 'external_id' in the query; none is accepted"),
    ],
)
def test_a_part_of_the_query_that_would_be_dropped_is_refused(
    program: Client, method: str, address: str, said: str
) -> None:
    response = getattr(program, method)(address, {"file": file(), "external_id": "1.png"} if method == "post" else None)
    assert said in detail_of(response, status=422)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b'{"reason": "x", "verdict": "benign"}', "unknown field 'verdict' in the body; accepted are reason, policy"),
        (b'{"reason": "x", "reason": "y"}', "the field 'reason' 2 times"),
        (b'{"reason": "\\ud800"}', "the character U+D800 in reason"),
        (b'{"reason": "a\\u0000b"}', "the character U+0000 in reason"),
        (b'{"reason": "x", "policy": "\\udfff"}', "the character U+DFFF in policy"),
        (b'{"reason": "x", "\\ud800": 1}', "unknown field '\\ud800'"),
        (b'{"reason": 7}', "a wrong reason"),
    ],
)
@pytest.mark.parametrize("kind", ["reports", "appeals"])
def test_a_field_of_a_body_that_cannot_be_kept_is_refused(program: Client, kind: str, sent: bytes, said: str) -> None:
    make_screening(upload := make_upload(source="shop"), score=0.1)
    response = program.post(f"{URL}/{upload.pk}/{kind}", sent, content_type="application/json")
    assert said in detail_of(response, status=422)


@pytest.mark.django_db(transaction=True)
def test_a_database_that_only_reads_is_unavailable_for_a_while(program: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
    response = program.post(URL, {"file": file(), "external_id": "1.png"})
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = off")
    assert "cannot use its database" in detail_of(response, status=503)
    assert response["Retry-After"] == "60"


def without_a_database(work: Any) -> Any:
    """Return the result of `work` in a thread whose connection leads to no server."""
    results: list[Any] = []

    def run() -> None:
        connection.settings_dict = {**connection.settings_dict, "HOST": "127.0.0.1", "PORT": "1"}
        results.append(work())
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return results[0]


@pytest.mark.parametrize("cookies", [{}, {"sessionid": "of a person who tries the calls"}])
def test_a_database_that_is_away_is_unavailable_for_a_while(program: Client, cookies: dict[str, str]) -> None:
    program.cookies.load(cookies)
    response = without_a_database(lambda: program.post(URL, {"file": file(), "external_id": "1.png"}))
    assert "cannot use its database" in detail_of(response, status=503)
    assert response["Retry-After"] == "60"


def test_an_unexpected_failure_is_json_too(program: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moderation.api.uploads.state_of", lambda _: 1 / 0)
    upload = make_upload(source="shop")
    assert "the server's log has the cause" in detail_of(program.get(f"{URL}/{upload.pk}"), status=500)


@pytest.mark.parametrize("path", [URL, "/api/v1/openapi.json", "/api/v1/nope"])
def test_a_token_over_plain_http_is_refused_not_redirected(program: Client, settings: Any, path: str) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert "sent over plain HTTP; https is accepted" in detail_of(program.get(path), status=403)


def test_plain_http_without_a_token_is_redirected(settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    for path in (URL, "/accounts/login/"):
        assert Client().get(path)["Location"] == f"https://testserver{path}"


def test_a_token_over_https_is_accepted(program: Client, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert program.get(f"{URL}/{make_upload(source='shop').pk}", secure=True).status_code == 200
