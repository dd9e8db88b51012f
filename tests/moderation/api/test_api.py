import hashlib
import io
import json
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F
from django.test import Client
from django.utils import timezone

from moderation import api
from moderation.models import ApiToken, Community, Effect, IdempotentAnswer, ReviewTask, Upload, User, Verdict
from moderation.review import claiming, deciding
from moderation.review.claims import Claim
from moderation.review.status import update_status
from tests.database_owner import tampering
from tests.factories import image_bytes, make_screening, make_task, make_upload, make_user
from tests.moderation.intake.test_receiving import in_threads, no_file_larger_than

pytestmark = pytest.mark.django_db

URL = "/api/v1/uploads"


@pytest.fixture
def secret() -> str:
    return ApiToken.objects.issue(name="platform", source="shop")[1]


@pytest.fixture
def program(secret: str) -> Client:
    return Client(headers={"Authorization": f"Bearer {secret}"})


def send(program: Client, content: bytes | None = None, *, key: str = "", **fields: Any) -> Any:
    file = SimpleUploadedFile("x.png", image_bytes() if content is None else content)
    headers = {"Idempotency-Key": key} if key else {}
    return program.post(URL, {"file": file, "external_id": "1.png", **fields}, headers=headers)


def test_a_new_image_is_created_and_waits(program: Client) -> None:
    response = send(program, external_id="a/1.png", uploader="u-7")
    upload = Upload.objects.get()
    assert response.status_code == 201
    assert response.json() == {"id": upload.pk, "status": "pending", "url": f"http://testserver{URL}/{upload.pk}"}
    assert response["Location"] == response.json()["url"]
    assert (upload.source, upload.external_id, upload.uploader_reference) == ("shop", "a/1.png", "u-7")


def test_the_same_bytes_again_are_a_duplicate(program: Client) -> None:
    first, second = send(program), send(program)
    assert second.status_code == 200
    assert second.json() == first.json()


def test_a_community_is_named_by_its_slug(program: Client) -> None:
    Community.objects.create(slug="art", name="Art")
    send(program, community="art")
    assert Upload.objects.get().community.slug == "art"


REFUSED = [
    (409, {"content": image_bytes((9, 9, 9)), "external_id": "taken.png"}, "already received with other bytes"),
    (413, {"content": image_bytes() + bytes(20_000)}, "at most 20,000 are accepted"),
    (413, {"content": image_bytes() + bytes(90_000)}, "at most 85,536 are accepted"),
    (415, {"content": b"%PDF-1.7 and more"}, "This is a PDF document. Accepted are JPEG, PNG"),
    (422, {"content": b""}, "Found an empty file"),
    (422, {"content": image_bytes(size=(101, 100))}, "too many pixels; at most 10,000"),
    (422, {"external_id": ""}, "Found nothing in external_id"),
    (422, {"external_id": "x" * 1001}, "1,001 characters in external_id"),
    (422, {"external_id": "a\0b"}, "Found the character U+0000 in external_id"),
    (422, {"uploader": "x" * 256}, "256 characters in uploader_reference"),
    (422, {"community": "nowhere"}, "Found the community 'nowhere'"),
    (422, {"community": "\0"}, "Found the character U+0000 in community"),
    (422, {"file": "text"}, "Found no file; it is required"),
    (422, {"key": "k" * 256}, "Idempotency-Key of 256 characters; at most 255"),
]


@pytest.mark.parametrize(("status", "sent", "said"), REFUSED)
def test_a_refusal_gives_the_value_found_and_the_values_accepted(
    program: Client, settings: Any, status: int, sent: dict[str, Any], said: str
) -> None:
    settings.UPLOAD_MAX_BYTES, settings.UPLOAD_MAX_PIXELS = 20_000, 10_000
    make_upload(source="shop", external_id="taken.png")
    response = send(program, **sent)
    assert response.status_code == status
    assert said in response.json()["detail"]
    assert Upload.objects.count() == 1


def test_a_missing_external_id_is_named(program: Client) -> None:
    response = program.post(URL, {"file": SimpleUploadedFile("x.png", image_bytes())})
    assert (response.status_code, response.json()) == (422, {"detail": "Found no external_id; it is required."})


class Unread(io.RawIOBase):
    """A body that must not be read."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        raise AssertionError("the body was read")


def test_a_long_body_is_refused_before_it_is_read(program: Client) -> None:
    response = program.generic(
        "POST",
        URL,
        content_type="multipart/form-data; boundary=x",
        **{"wsgi.input": Unread(), "CONTENT_LENGTH": str(10**10)},
    )
    assert response.status_code == 413
    assert "10,000,000,000 bytes; at most 25,065,536" in response.json()["detail"]


def test_a_body_without_its_length_is_refused(program: Client) -> None:
    response = program.generic("POST", URL, content_type="multipart/form-data; boundary=x", CONTENT_LENGTH="")
    assert response.status_code == 411


def test_a_body_that_is_not_a_form_is_refused(program: Client) -> None:
    response = program.post(URL, b"nonsense", content_type="multipart/form-data")
    assert response.status_code == 400
    assert "Invalid boundary" in response.json()["detail"]


def test_a_full_disk_is_a_server_error(program: Client) -> None:
    with no_file_larger_than(50_000):
        response = send(program, image_bytes() + bytes(100_000), key="k1")
    assert response.status_code == 503
    assert response["Retry-After"] == "60"
    assert not IdempotentAnswer.objects.exists()
    assert send(program, image_bytes() + bytes(100_000), key="k1").status_code == 201


@pytest.mark.parametrize("header", [None, "Bearer sl_wrong", "Bearer ", "Basic YTpi", "sl_wrong"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_without_a_usable_token_nothing_is_answered(header: str | None, method: str) -> None:
    response = getattr(Client(), method)(URL, headers={"Authorization": header} if header else {})
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Bearer realm="Second Look"'
    assert "Authorization: Bearer sl_" in response.json()["detail"]


def test_a_revoked_token_is_refused(program: Client) -> None:
    call_command("token", "revoke", "platform", stdout=io.StringIO())
    assert send(program).status_code == 401


def test_a_session_does_not_replace_a_token() -> None:
    client = Client()
    client.force_login(make_user("ann", group="admin"))
    assert client.get(URL, {"external_id": "1.png"}).status_code == 401


def test_a_post_needs_no_csrf_token(secret: str) -> None:
    program = Client(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {secret}"})
    assert send(program).status_code == 201


def test_the_last_use_is_recorded_at_most_once_a_minute(program: Client) -> None:
    program.get(f"{URL}/1")
    first = ApiToken.objects.get().last_used_at
    program.get(f"{URL}/1")
    assert ApiToken.objects.get().last_used_at == first
    ApiToken.objects.update(last_used_at=F("last_used_at") - timedelta(minutes=2))
    program.get(f"{URL}/1")
    assert ApiToken.objects.get().last_used_at >= first


def test_the_same_key_and_body_get_the_same_answer(program: Client) -> None:
    first, second = send(program, key="k1"), send(program, key="k1")
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.content == first.content
    assert "Idempotent-Replayed" not in first
    assert second["Idempotent-Replayed"] == "true"
    assert second["Location"] == first["Location"]


def test_the_stored_answer_is_repeated_after_the_state_has_changed(program: Client) -> None:
    first = send(program, key="k1")
    make_screening(Upload.objects.get(), score=0.01)
    assert send(program, key="k1").json() == first.json()
    assert send(program).json()["status"] == "approved"


def test_a_refusal_is_repeated_as_well(program: Client) -> None:
    first, second = send(program, b"no image", key="k1"), send(program, b"no image", key="k1")
    assert (first.status_code, second.status_code) == (415, 415)
    assert second.json() == first.json()
    assert second["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize(
    "other", [{"content": image_bytes((9, 9, 9))}, {"external_id": "2.png"}, {"uploader": "u"}, {"community": "art"}]
)
def test_the_same_key_with_another_body_is_refused(program: Client, other: dict[str, Any]) -> None:
    send(program, key="k1")
    response = send(program, key="k1", **other)
    assert response.status_code == 422
    assert "Idempotency-Key 'k1' with another body" in response.json()["detail"]


def test_keys_belong_to_their_token(program: Client) -> None:
    other = Client(headers={"Authorization": f"Bearer {ApiToken.objects.issue(name='b', source='b')[1]}"})
    send(program, key="k1")
    assert send(other, key="k1", external_id="2.png").status_code == 201


@pytest.mark.django_db(transaction=True)
def test_one_of_several_simultaneous_requests_with_one_key_is_executed(secret: str) -> None:
    def call(number: int) -> Any:
        program = Client(headers={"Authorization": f"Bearer {secret}"})
        return send(program, key="k1")

    responses = in_threads(8, call)
    assert [response.status_code for response in responses] == [201] * 8
    assert len({response.content for response in responses}) == 1
    assert sum("Idempotent-Replayed" in response for response in responses) == 7


@pytest.mark.django_db(transaction=True)
def test_a_key_that_is_busy_for_too_long_is_refused(secret: str) -> None:
    token = ApiToken.objects.get()
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        name = f"idempotency {token.pk} k1"
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [number])
            held.set()
            done.wait()
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '200ms'")
    response = send(Client(headers={"Authorization": f"Bearer {secret}"}), key="k1")
    done.set()
    thread.join()
    assert response.status_code == 409
    assert "still in progress" in response.json()["detail"]


@pytest.mark.django_db(transaction=True)
def test_one_of_many_simultaneous_senders_of_an_image_creates_it(secret: str) -> None:
    def call(number: int) -> int:
        program = Client(headers={"Authorization": f"Bearer {secret}"})
        return int(send(program).status_code)

    assert sorted(in_threads(8, call)) == [200] * 7 + [201]


def state(program: Client, upload: Upload) -> Any:
    response = program.get(f"{URL}/{upload.pk}")
    assert response.status_code == 200
    return response.json()


def test_a_pending_upload_has_its_identity(program: Client) -> None:
    upload = make_upload(source="shop", external_id="a/1.png", uploader_reference="u-7")
    response = program.get(f"{URL}/{upload.pk}")
    told = response.json()
    received_at = timezone.datetime.fromisoformat(told.pop("received_at"))
    assert abs(received_at - upload.received_at) < timedelta(milliseconds=1)
    assert told == {
        "id": upload.pk,
        "external_id": "a/1.png",
        "source": "shop",
        "uploader": "u-7",
        "community": None,
        "status": "pending",
        "quarantine_reason": None,
        "policies": [],
        "decision": None,
    }
    assert response["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("score", "status", "route", "outcome"),
    [
        (0.1, "approved", "approve", "approve"),
        (0.5, "in_review", "review", None),
        (0.9, "rejected", "reject", "reject"),
    ],
)
def test_a_route_is_shown_without_its_score(
    program: Client, score: float, status: str, route: str, outcome: str | None
) -> None:
    upload = make_upload(source="shop")
    make_screening(upload, score=score)
    if route == "review":
        make_task_for(upload)
    told = state(program, upload)
    assert told["status"] == status
    result = {"policy": "adult-content", "version": 1, "route": route, "outcome": outcome, "hash_list": None}
    assert told["policies"] == [result]
    assert told["decision"] is None


def make_task_for(upload: Upload) -> ReviewTask:
    screening = upload.screenings.get()
    task = ReviewTask.objects.create(screening=screening, upload=upload, policy=screening.policy)
    update_status(Upload.objects.filter(pk=upload.pk))
    return task


def decide(task: ReviewTask, verdict: Verdict, *, by: User, reason: str = "") -> None:
    claiming.claim_for(task, moderator=by)
    assert Claim.from_task(task) is not None
    deciding.decide(task, verdict, claim=Claim.from_task(task), reason=reason)


def let_the_grace_period_end() -> None:
    """Move all effects a minute into the past."""
    with tampering("moderation.Effect:immutable_except_cancelled_at"):
        Effect.objects.update(due_at=F("due_at") - timedelta(minutes=1))


def test_a_decision_shows_when_its_grace_period_is_over(program: Client) -> None:
    upload = make_upload(source="shop")
    decide(make_task(upload), Verdict.VIOLATING, by=make_user(), reason="nudity")
    told = state(program, upload)
    assert (told["status"], told["decision"], told["policies"][0]["outcome"]) == ("in_review", None, None)
    let_the_grace_period_end()
    told = state(program, upload)
    assert (told["status"], told["policies"][0]["outcome"]) == ("rejected", "reject")
    times = [told["decision"].pop(name) for name in ("decided_at", "in_force_since")]
    assert all(timezone.datetime.fromisoformat(each).tzinfo for each in times)
    assert told["decision"] == {
        "policy": "adult-content",
        "outcome": "reject",
        "verdict": "violating",
        "reason": "nudity",
    }


def test_an_undone_decision_does_not_show(program: Client) -> None:
    upload, moderator = make_upload(source="shop"), make_user()
    task = make_task(upload)
    decide(task, Verdict.BENIGN, by=moderator)
    let_the_grace_period_end()
    assert state(program, upload)["status"] == "approved"
    deciding.undo(task, by=moderator)
    told = state(program, upload)
    assert (told["status"], told["decision"], told["policies"][0]["outcome"]) == ("in_review", None, None)


def test_a_quarantined_upload_gives_its_reason(program: Client) -> None:
    upload = make_upload(source="shop", quarantine_reason="truncated")
    update_status(Upload.objects.filter(pk=upload.pk))
    told = state(program, upload)
    assert (told["status"], told["quarantine_reason"]) == ("quarantined", "truncated")


def test_an_upload_is_found_by_its_external_id(program: Client) -> None:
    upload = make_upload(source="shop", external_id="a/ü.png")
    make_upload(source="other", external_id="a/ü.png")
    assert program.get(URL, {"external_id": "a/ü.png"}).json()["id"] == upload.pk


@pytest.mark.parametrize(("query", "status"), [({"external_id": "no"}, 404), ({}, 422), ({"external_id": "\0"}, 422)])
def test_an_unknown_external_id_is_not_found(program: Client, query: dict[str, str], status: int) -> None:
    response = program.get(URL, query)
    assert response.status_code == status
    assert "Found" in response.json()["detail"]


def test_another_sources_upload_is_not_found(program: Client) -> None:
    upload = make_upload(source="other")
    assert program.get(f"{URL}/{upload.pk}").status_code == 404


@pytest.mark.parametrize(("number", "status"), [("0", 404), ("9" * 30, 404), ("-1", 404), ("x", 422)])
def test_odd_ids_are_answered(program: Client, number: str, status: int) -> None:
    assert program.get(f"{URL}/{number}").status_code == status


def test_a_state_takes_few_queries(program: Client, django_assert_num_queries: Any) -> None:
    upload = make_upload(source="shop")
    decide(make_task(upload), Verdict.BENIGN, by=make_user())
    let_the_grace_period_end()
    # Token, last use and upload; effects, screenings, matches and policies; the policy of a person's effect.
    with django_assert_num_queries(8):
        state(program, upload)


@pytest.mark.parametrize("path", ["docs", "openapi.json"])
@pytest.mark.parametrize(("group", "status"), [("admin", 200), ("operator", 200), ("moderator", 403)])
def test_the_documentation_is_for_people_who_may_send_uploads(path: str, group: str, status: int) -> None:
    client = Client()
    client.force_login(make_user(group=group))
    assert client.get(f"/api/v1/{path}").status_code == status


def test_the_documentation_asks_strangers_to_sign_in() -> None:
    response = Client().get("/api/v1/docs")
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")


def test_a_program_reads_the_description_with_its_token(program: Client) -> None:
    assert "/api/v1/uploads" in program.get("/api/v1/openapi.json").json()["paths"]


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer sl_wrong"}])
def test_without_a_token_the_description_is_refused_as_json(headers: dict[str, str]) -> None:
    response = Client().get("/api/v1/openapi.json", headers=headers)
    assert response.status_code == 401
    assert "Authorization: Bearer sl_" in response.json()["detail"]


def test_the_schema_declares_every_answer() -> None:
    paths = api.api.get_openapi_schema()["paths"]
    declared = {
        (method, path): {int(status) for status in operation["responses"]}
        for path, operations in paths.items()
        for method, operation in operations.items()
    }
    assert declared == {
        ("post", "/api/v1/uploads"): {200, 201, 400, 401, 409, 411, 413, 415, 422, 503},
        ("get", "/api/v1/uploads"): {200, 401, 404, 422, 503},
        ("get", "/api/v1/uploads/{upload_id}"): {200, 401, 404, 422, 503},
        ("post", "/api/v1/uploads/{upload_id}/reports"): {201, 400, 401, 404, 409, 411, 413, 422, 429, 503},
        ("post", "/api/v1/uploads/{upload_id}/appeals"): {201, 400, 401, 404, 409, 411, 413, 422, 429, 503},
        ("get", "/api/v1/uploads/{upload_id}/objections"): {200, 401, 404, 422, 503},
    }


def token(*arguments: str) -> str:
    out = io.StringIO()
    call_command("token", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_an_issued_token_works_and_only_its_sha256_is_stored() -> None:
    secret = token("issue", "ci", "--source", "shop").strip()
    assert ApiToken.objects.authenticate(secret).source == "shop"
    assert secret not in json.dumps(list(ApiToken.objects.values()), default=str)


def test_a_token_for_metrics_gives_access_to_nothing_else() -> None:
    secret = token("issue", "prometheus", "--metrics").strip()
    assert ApiToken.objects.authenticate(secret) is None
    assert ApiToken.objects.authenticate(secret, scope="metrics").name == "prometheus"
    assert Client().get("/api/v1/uploads", headers={"Authorization": f"Bearer {secret}"}).status_code == 401
    assert "reads /metrics" in token("list")


def test_tokens_are_listed_without_secrets() -> None:
    assert "There are no tokens" in token("list")
    secret = token("issue", "ci", "--source", "shop").strip()
    token("revoke", "ci")
    (listed,) = json.loads(token("list", "--json"))
    assert (listed["name"], listed["source"], listed["last_used_at"]) == ("ci", "shop", None)
    assert listed["revoked_at"]
    assert secret not in token("list")


def test_a_token_is_revoked_once() -> None:
    token("issue", "ci", "--source", "shop")
    assert token("revoke", "ci") == "Revoked ci.\n"
    assert token("revoke", "ci") == "ci was already revoked. Nothing was changed.\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["issue", "ci", "--source", "shop"], "A token named 'ci' exists"),
        (["issue", "", "--source", "shop"], "NAME is ''"),
        (["issue", "new", "--source", "s" * 101], "--source is"),
        (["revoke", "unknown"], "There is no token named 'unknown'"),
    ],
)
def test_wrong_arguments_are_named(arguments: list[str], said: str) -> None:
    token("issue", "ci", "--source", "shop")
    with pytest.raises(CommandError, match=said):
        token(*arguments)
    assert ApiToken.objects.count() == 1
