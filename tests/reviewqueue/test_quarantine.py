"""Quarantine: every reason in plain words, and one decision of a lead on each upload."""

import pytest
from django.test import Client

from moderation.models import Decision, Effect, Upload, User
from moderation.models.effects import status_in_force
from tests import factories

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@pytest.fixture
def lena() -> User:
    return factories.make_user("lena", group="lead")


@pytest.fixture
def page(client: Client, lena: User) -> Client:
    client.force_login(lena)
    return client


def quarantined(reason: str = "truncated", detail: str = "ended after 12 bytes") -> Upload:
    return factories.make_upload(status="quarantined", quarantine_reason=reason, quarantine_detail=detail)


def settle(page: Client, upload: Upload, action: str, why: str = "looked at it", **options: object) -> object:
    return page.post(f"/quarantine/{upload.pk}/settle/", {"action": action, "why": why}, **options)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("format_not_allowed", "a format that is not accepted"),
        ("too_large", "more bytes than are accepted"),
        ("too_many_pixels", "more pixels than can be decoded safely"),
        ("too_many_frames", "more frames or pages than can be decoded safely"),
        ("unreadable", "could not be decoded"),
        ("truncated", "ends before its image does"),
        ("out_of_memory", "more memory than one image may"),
        ("timed_out", "longer than one image may"),
        ("decoder_died", "decoder&#x27;s process twice"),
        ("file_missing", "not in storage"),
        ("something_new", "could not be read safely"),
    ],
)
def test_each_reason_is_explained_in_plain_words(page: Client, reason: str, words: str) -> None:
    quarantined(reason)
    answer = page.get("/quarantine/").content.decode()
    assert words in answer
    assert "ended after 12 bytes" in answer
    assert "<img" not in answer


@pytest.mark.parametrize(
    ("group", "status"), [("lead", 200), ("admin", 200), ("moderator", 403), ("operator", 403), ("auditor", 403)]
)
def test_only_leads_settle(client: Client, group: str, status: int) -> None:
    upload = quarantined()
    client.force_login(factories.make_user("someone", group=group))
    assert client.get("/quarantine/").status_code == status
    assert settle(client, upload, "approve", headers=HTMX).status_code == status  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("action", "status", "outcome"), [("approve", "approved", "approve"), ("reject", "rejected", "reject")]
)
def test_a_decision_takes_effect_after_the_grace_period(
    page: Client, lena: User, action: str, status: str, outcome: str
) -> None:
    upload = quarantined()
    settle(page, upload, action)
    upload.refresh_from_db()
    decision, effect = Decision.objects.get(), Effect.objects.get()
    assert upload.status == status
    assert (decision.reviewer, decision.source, decision.comment) == (lena, "quarantine", "looked at it")
    assert effect.outcome == outcome
    assert effect.due_at > decision.decided_at


def test_a_retry_sends_it_to_the_next_pre_screen_and_keeps_why(page: Client) -> None:
    upload = quarantined()
    settle(page, upload, "retry", why="the disk was full")
    upload.refresh_from_db()
    assert (upload.status, upload.quarantine_reason) == ("pending", "")
    assert upload.events.order_by("pgh_id").last().pgh_context.metadata["why"] == "the disk was full"


def test_two_leads_never_both_act(page: Client) -> None:
    upload = quarantined()
    settle(page, upload, "approve")
    late = settle(page, upload, "reject", headers=HTMX)
    assert late.status_code == 409  # type: ignore[attr-defined]
    assert "Someone else settled" in late.content.decode()  # type: ignore[attr-defined]
    assert Decision.objects.count() == 1


@pytest.mark.parametrize(("action", "why"), [("reject", ""), ("reject", "   "), ("shred", "because")])
def test_a_decision_without_a_reason_is_422_at_its_field(page: Client, action: str, why: str) -> None:
    upload = quarantined()
    partial = settle(page, upload, action, why, headers=HTMX)
    assert partial.status_code == 422  # type: ignore[attr-defined]
    assert 'class="error"' in partial.content.decode()  # type: ignore[attr-defined]
    whole = settle(page, upload, action, why)
    assert whole.status_code == 422  # type: ignore[attr-defined]
    assert "<!doctype html>" in whole.content.decode()  # type: ignore[attr-defined]
    assert not Decision.objects.exists()


def test_htmx_gets_the_row_and_others_a_redirect(page: Client) -> None:
    first, second = quarantined(), quarantined()
    partial = settle(page, first, "approve", headers=HTMX).content.decode()  # type: ignore[attr-defined]
    assert partial.lstrip().startswith(f'<section class="card quarantined" id="upload-{first.pk}"')
    whole = settle(page, second, "approve", follow=True)
    assert whole.redirect_chain == [("/quarantine/", 303)]  # type: ignore[attr-defined]
    assert f"Upload {second.pk} is approved unseen." in whole.content.decode()  # type: ignore[attr-defined]


def test_the_list_has_pages_and_a_constant_number_of_queries(page: Client, django_assert_num_queries: object) -> None:
    for _ in range(26):
        quarantined()
    # session, user, permissions of the user and of the groups, page, settled by me;
    # the header: waiting, today, quarantined
    with django_assert_num_queries(9):  # type: ignore[operator]
        answer = page.get("/quarantine/").content.decode()
    assert "Page 1" in answer
    assert page.get("/quarantine/?page=2").content.decode().count("/settle/") == 2


def test_an_empty_quarantine_says_so(page: Client) -> None:
    assert "Quarantine is empty" in page.get("/quarantine/").content.decode()


def undo(page: Client, decision: Decision, **options: object) -> object:
    return page.post(f"/quarantine/{decision.upload_id}/undo/", {"decision": decision.pk}, **options)


def test_a_decision_undone_within_the_grace_period_never_takes_effect(page: Client, lena: User) -> None:
    upload = quarantined()
    settle(page, upload, "approve")
    answer = undo(page, Decision.objects.get(), follow=True)
    upload.refresh_from_db()
    assert "Nothing had taken effect. Upload" in answer.content.decode()  # type: ignore[attr-defined]
    assert upload.status == "quarantined"
    assert Effect.objects.get().cancelled_at is not None
    assert list(Decision.objects.order_by("pk").values_list("kind", "reviewer")) == [
        ("verdict", lena.pk), ("undo", lena.pk),
    ]  # fmt: skip


def test_a_decision_undone_later_is_reversed_outside_too(page: Client, settings: object) -> None:
    settings.GRACE_SECONDS = 0  # type: ignore[attr-defined]
    upload = quarantined()
    settle(page, upload, "approve")
    assert status_in_force(upload_again(upload)) == "approved"
    answer = undo(page, Decision.objects.get(), headers=HTMX).content.decode()  # type: ignore[attr-defined]
    assert "The reverse is in effect." in answer
    assert "Approve unseen" in answer
    assert [effect.outcome for effect in Effect.objects.in_force().order_by("pk")] == ["approve", "hold"]
    assert status_in_force(upload_again(upload)) == "quarantined"


def test_after_an_undo_another_lead_may_settle_it(page: Client) -> None:
    upload = quarantined()
    settle(page, upload, "approve")
    undo(page, Decision.objects.get())
    page.force_login(factories.make_user("liz", group="lead"))
    settle(page, upload, "reject")
    assert upload_again(upload).status == "rejected"


def test_a_decision_is_undone_once_and_only_by_its_own_lead(page: Client, lena: User) -> None:
    upload = quarantined()
    settle(page, upload, "approve")
    decision = Decision.objects.get()
    page.force_login(factories.make_user("liz", group="lead"))
    assert undo(page, decision, headers=HTMX).status_code == 409  # type: ignore[attr-defined]
    page.force_login(lena)
    assert undo(page, decision, headers=HTMX).status_code == 200  # type: ignore[attr-defined]
    assert undo(page, decision, headers=HTMX).status_code == 409  # type: ignore[attr-defined]
    assert Decision.objects.filter(kind="undo").count() == 1


def test_the_page_lists_what_i_settled_with_a_way_back_without_javascript(page: Client) -> None:
    upload = quarantined()
    settle(page, upload, "approve", why="a known harmless logo")
    answer = page.get("/quarantine/").content.decode()
    assert "Settled by you in the last hour" in answer
    assert "a known harmless logo" in answer
    assert f'action="/quarantine/{upload.pk}/undo/"' in answer
    undo(page, Decision.objects.get())
    assert "Settled by you" not in page.get("/quarantine/").content.decode()


def test_an_undo_that_names_no_decision_changes_nothing(page: Client) -> None:
    upload = quarantined()
    settle(page, upload, "approve")
    answer = page.post(f"/quarantine/{upload.pk}/undo/", {}, headers=HTMX)
    assert answer.status_code == 409
    assert upload_again(upload).status == "approved"


def upload_again(upload: Upload) -> Upload:
    return Upload.objects.get(pk=upload.pk)
