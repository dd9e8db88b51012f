"""The queue: claim, decide, skip, undo; page or partial; permissions; and hidden scores."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client

from moderation.models import Decision, Effect, ReviewTask, Skip, Upload, User
from moderation.review import claiming
from tests import factories
from tests.reviewqueue.blindness import headers, readable, without_facts

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
NO_TOKEN = "00000000-0000-0000-0000-000000000000"
LOST_CLAIM = f"/claims/{NO_TOKEN}/decide/"


@pytest.fixture
def mo() -> User:
    return factories.make_user("mo")


@pytest.fixture
def page(client: Client, mo: User) -> Client:
    client.force_login(mo)
    return client


def claimed(user: User, *, score: float = 0.5) -> ReviewTask:
    task = factories.make_task(score=score)
    factories.make_renditions(task)
    claiming.claim_for(task, moderator=user)
    return task


def verdict(**content: str) -> dict[str, str]:
    return {"verdict": "benign", "unseen": "confirmed"} | content


def run_out(task: ReviewTask) -> None:
    ReviewTask.objects.filter(pk=task.pk).update(claim_expires_at=Now() - timedelta(seconds=1))


# Page or partial


@pytest.mark.parametrize("path", ["/claim/", "/undo/", "/skips/clear/", LOST_CLAIM, "/claims/{token}/skip/"])
def test_a_post_answers_htmx_with_the_workplace_and_others_with_a_redirect(page: Client, mo: User, path: str) -> None:
    claimed(mo)
    task = ReviewTask.objects.get()
    partial = page.post(path.format(token=task.claim_token), {}, headers=HTMX)
    assert partial.content.decode().lstrip().startswith('<div class="workplace" id="workplace"')
    assert "HX-Request" in partial["Vary"]
    whole = page.post(path.format(token=task.claim_token), {})
    assert (whole.status_code, whole["Location"]) == (303, "/")


def test_the_page_contains_the_partial(page: Client, mo: User) -> None:
    claimed(mo)
    assert "<!doctype html>" in page.get("/").content.decode()
    partial = page.get("/", headers=HTMX).content.decode()
    assert "<!doctype html>" not in partial
    assert 'id="task"' in partial


def test_a_get_claims_nothing(page: Client) -> None:
    task = factories.make_task()
    answer = page.get("/").content.decode()
    task.refresh_from_db()
    assert task.claimed_by is None
    assert 'action="/claim/"' in answer


@pytest.mark.parametrize(
    "path", ["/claim/", "/undo/", "/skips/clear/", f"/claims/{NO_TOKEN}/decide/", f"/claims/{NO_TOKEN}/renew/"]
)
def test_a_get_never_decides(page: Client, path: str) -> None:
    assert page.get(path).status_code == 405


def test_the_page_takes_few_queries(page: Client, mo: User, django_assert_num_queries: object) -> None:
    claimed(mo)
    # session, user, task, last verdict, last skip, permissions of the user and of the groups, waiting, decided today,
    # views
    with django_assert_num_queries(10):  # type: ignore[operator]
        page.get("/")


# Who may


@pytest.mark.parametrize(
    ("group", "status"), [("moderator", 200), ("lead", 200), ("admin", 200), ("operator", 403), ("auditor", 403)]
)
def test_only_those_who_review_get_tasks(client: Client, group: str, status: int) -> None:
    client.force_login(factories.make_user("someone", group=group))
    assert client.post("/claim/", headers=HTMX).status_code == status
    assert client.get("/waiting/", headers=HTMX).status_code == status


def test_people_who_do_not_review_start_on_another_page(client: Client) -> None:
    client.force_login(factories.make_user("someone", group="auditor"))
    assert client.get("/")["Location"] == "/thresholds/"


def test_an_account_in_no_group_is_told_so(client: Client) -> None:
    client.force_login(User.objects.create_user("nobody"))
    answer = client.get("/")
    assert answer.status_code == 403
    assert "Your account may not open this page" in answer.content.decode()


def test_a_stranger_is_asked_to_sign_in(client: Client) -> None:
    assert client.get("/")["Location"] == "/accounts/login/"


def test_an_expired_session_decides_nothing_and_leads_back_to_the_queue(client: Client, mo: User) -> None:
    task = claimed(mo)
    answer = client.post(f"/claims/{task.claim_token}/decide/", verdict(), headers=HTMX)
    back = "/accounts/login/?ended=1&next=/"
    assert answer["HX-Redirect"] == back
    assert client.post(f"/claims/{task.claim_token}/decide/", verdict())["Location"] == back
    assert not Decision.objects.exists()


def test_a_page_older_than_the_sign_in_saves_nothing(mo: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(mo)
    task = claimed(mo)
    answer = client.post(f"/claims/{task.claim_token}/decide/", verdict(), headers=HTMX)
    assert (answer.status_code, answer["HX-Redirect"]) == (403, "/")
    assert "This page was too old to save" in client.post("/claim/").content.decode()
    assert not Decision.objects.exists()


# Deciding


def test_a_verdict_is_recorded_and_the_next_task_comes_along(page: Client, mo: User) -> None:
    first = claimed(mo)
    second = factories.make_task()
    answer = page.post(f"/claims/{first.claim_token}/decide/", verdict(), headers=HTMX).content.decode()
    assert Decision.objects.get().verdict == "benign"
    second.refresh_from_db()
    assert second.claimed_by == mo
    assert f"/claims/{second.claim_token}/skip/" in answer


def test_a_rejection_carries_its_reason(page: Client, mo: User) -> None:
    task = claimed(mo)
    page.post(f"/claims/{task.claim_token}/decide/", verdict(verdict="violating", reason="nudity"))
    decision = Decision.objects.get()
    assert (decision.verdict, decision.reason) == ("violating", "nudity")


def test_cannot_tell_asks_another_person(page: Client, mo: User) -> None:
    task = claimed(mo)
    page.post(f"/claims/{task.claim_token}/decide/", verdict(verdict="cannot_tell"), headers=HTMX)
    assert ReviewTask.objects.undecided().get().round == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"verdict": "violating"}, "Choose one of the 5 reasons"),
        ({"verdict": "violating", "reason": "invented"}, "Choose one of the 5 reasons"),
        ({"verdict": "violating", "reason": "other"}, "needs a comment"),
        ({"verdict": "perhaps"}, "Select a valid choice"),
        ({"verdict": ""}, "This field is required"),
    ],
)
@pytest.mark.parametrize("headers", [HTMX, {}])
def test_a_wrong_form_is_422_and_the_task_stays(
    page: Client, mo: User, content: dict[str, str], message: str, headers: dict[str, str]
) -> None:
    task = claimed(mo)
    answer = page.post(f"/claims/{task.claim_token}/decide/", verdict(**content), headers=headers)
    assert answer.status_code == 422
    assert message in answer.content.decode()
    assert f"/claims/{task.claim_token}/skip/" in answer.content.decode()
    assert not Decision.objects.exists()


def test_a_reason_that_needs_a_comment_takes_one(page: Client, mo: User) -> None:
    task = claimed(mo)
    page.post(f"/claims/{task.claim_token}/decide/", verdict(verdict="violating", reason="other", comment="a flag"))
    assert Decision.objects.get().comment == "a flag"


def test_a_double_click_decides_once(page: Client, mo: User) -> None:
    task = claimed(mo)
    sent = verdict()
    page.post(f"/claims/{task.claim_token}/decide/", sent, headers=HTMX)
    again = page.post(f"/claims/{task.claim_token}/decide/", sent, headers=HTMX)
    assert again.status_code == 409
    assert "You decided" in again.content.decode()
    assert Decision.objects.count() == 1


def test_a_lost_claim_is_409_and_brings_the_next_task(page: Client, mo: User) -> None:
    task = claimed(mo)
    following = factories.make_task()
    page.post(f"/claims/{task.claim_token}/reveal/", headers=HTMX)
    lost = task.claim_token
    run_out(task)
    claiming.claim_for(task, moderator=factories.make_user("zoe"))
    answer = page.post(f"/claims/{lost}/decide/", verdict(), headers=HTMX)
    assert answer.status_code == 409
    assert "someone else took it" in answer.content.decode()
    following.refresh_from_db()
    assert f"/claims/{following.claim_token}/skip/" in answer.content.decode()
    assert not Decision.objects.exists()


@pytest.mark.parametrize("action", ["decide", "skip", "renew", "reveal"])
def test_another_persons_claim_is_answered_like_one_that_never_was(page: Client, action: str) -> None:
    task = claimed(factories.make_user("zoe"))
    hers, nobodys = (
        page.post(f"/claims/{token}/{action}/", verdict(), headers=HTMX) for token in (task.claim_token, NO_TOKEN)
    )
    assert hers.status_code == nobodys.status_code == 409
    assert "Your claim on this upload is over" in readable(hers)
    assert readable(hers) == readable(nobodys)


def test_a_lost_claim_is_explained_without_javascript_too(page: Client, mo: User) -> None:
    task = claimed(mo)
    run_out(task)
    answer = page.post(f"/claims/{task.claim_token}/decide/", verdict(), follow=True)
    assert "Your claim on" in answer.content.decode()


# Skipping


def test_a_skipped_task_is_not_served_again_until_it_is_taken_back(page: Client, mo: User) -> None:
    task = claimed(mo)
    answer = page.post(f"/claims/{task.claim_token}/skip/", headers=HTMX).content.decode()
    assert "Only uploads that you skipped remain" in answer
    page.post("/skips/clear/")
    assert not Skip.objects.live().exists()
    assert claiming.claimed_task(mo) == task


# Undoing


def test_undo_in_time_cancels_the_effect_and_returns_the_task(page: Client, mo: User) -> None:
    task = claimed(mo)
    page.post(f"/claims/{task.claim_token}/decide/", verdict())
    answer = page.post("/undo/", headers=HTMX).content.decode()
    assert Effect.objects.get().cancelled_at is not None
    assert "Nothing had taken effect." in answer
    assert claiming.claimed_task(mo) == task


def test_undo_afterwards_writes_the_reverse(page: Client, mo: User, settings: object) -> None:
    settings.GRACE_SECONDS = 0  # type: ignore[attr-defined]
    task = claimed(mo)
    page.post(f"/claims/{task.claim_token}/decide/", verdict())
    assert "The reverse is in effect." in page.post("/undo/", headers=HTMX).content.decode()
    assert list(Effect.objects.order_by("pk").values_list("outcome", flat=True)) == ["approve", "hold"]


def test_undo_of_a_named_decision_never_takes_back_another(page: Client, mo: User) -> None:
    first, second = claimed(mo), factories.make_task()
    factories.make_renditions(second)
    page.post(f"/claims/{first.claim_token}/decide/", verdict())
    second.refresh_from_db()
    page.post(f"/claims/{second.claim_token}/decide/", verdict())
    named = {"action": str(Decision.objects.latest("pk").claim_token)}
    assert page.post("/undo/", named, headers=HTMX).status_code == 200
    assert page.post("/undo/", named, headers=HTMX).status_code == 409
    assert Decision.objects.filter(kind="undo").count() == 1


@pytest.mark.parametrize("named", ["²", "-1", "0", "", "9" * 5000, "9" * 32, "1.5", "\0", "last", NO_TOKEN])
def test_undo_of_an_unknown_decision_changes_nothing(page: Client, mo: User, named: str) -> None:
    task = claimed(mo)
    page.post(f"/claims/{task.claim_token}/decide/", verdict())
    answer = page.post("/undo/", {"action": named}, headers=HTMX)
    assert answer.status_code == 409
    assert "Nothing was changed." in answer.content.decode()
    assert not Decision.objects.filter(kind="undo").exists()


def test_a_verdict_after_an_undo_in_time_is_as_blind_as_the_first(page: Client, mo: User) -> None:
    task = claimed(mo)
    page.post(f"/claims/{task.claim_token}/decide/", verdict())
    page.post("/undo/")
    task.refresh_from_db()
    page.post(f"/claims/{task.claim_token}/decide/", verdict())
    blind = list(Decision.objects.filter(kind="verdict").order_by("pk").values_list("blind", flat=True))
    assert blind == [True, True]


# The claim


def test_a_claim_is_renewed_and_says_how_long_it_holds(page: Client, mo: User) -> None:
    task = claimed(mo)
    before = task.claim_expires_at
    ReviewTask.objects.filter(pk=task.pk).update(claim_expires_at=Now() + timedelta(seconds=5))
    answer = page.post(f"/claims/{task.claim_token}/renew/", headers=HTMX)
    assert answer.content.decode().lstrip().startswith('<form id="lease"')
    task.refresh_from_db()
    assert before is not None
    assert task.claim_expires_at >= before


def test_a_claim_that_can_not_be_renewed_leaves_the_stage(page: Client, mo: User) -> None:
    task = claimed(mo)
    factories.make_task()
    run_out(task)
    answer = page.post(f"/claims/{task.claim_token}/renew/", headers=HTMX)
    assert (answer.status_code, answer["HX-Retarget"]) == (409, "#workplace")
    assert "Next upload" in answer.content.decode()
    assert claiming.claimed_task(mo) is None


def test_two_tabs_share_one_claim(page: Client, mo: User) -> None:
    factories.make_task()
    factories.make_task()
    for _tab in range(2):
        page.post("/claim/", headers=HTMX)
    assert ReviewTask.objects.held().count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_tabs_that_claim_at_once_get_one_task(mo: User) -> None:
    for _ in range(8):
        factories.make_task()

    def ask(_tab: int) -> None:
        claiming.claim_next(mo)
        connection.close()

    with ThreadPoolExecutor(8) as tabs:
        list(tabs.map(ask, range(16)))
    assert ReviewTask.objects.held().count() == 1


# Emptiness


def empty_page(page: Client) -> str:
    return " ".join(page.post("/claim/", headers=HTMX).content.decode().split())


def test_nothing_is_waiting(page: Client) -> None:
    factories.make_upload()
    assert "Nothing is waiting" in empty_page(page)
    assert "<b>1</b> upload waits for the pre-screen." in empty_page(page)


def test_other_people_hold_the_remaining_uploads(page: Client) -> None:
    claimed(factories.make_user("zoe"))
    assert "Other people hold the remaining uploads" in empty_page(page)


def test_the_remaining_uploads_need_a_lead(page: Client) -> None:
    factories.make_task(needs_lead=True)
    assert "The remaining uploads need another person" in empty_page(page)


def test_polling_the_counts_claims_nothing(page: Client) -> None:
    factories.make_task()
    answer = page.get("/waiting/", headers=HTMX).content.decode()
    assert "1 upload waits for you" in answer
    assert 'hx-trigger="load' not in answer
    assert not ReviewTask.objects.held().exists()
    assert page.get("/waiting/")["Location"] == "/"


def test_an_upload_with_a_missing_image_can_only_be_skipped(page: Client, mo: User) -> None:
    claiming.claim_for(factories.make_task(), moderator=mo)
    answer = page.get("/").content.decode()
    assert "The image is missing" in answer
    assert "<img" not in answer
    assert 'value="benign"' not in answer


# What stays hidden


def seen_before_the_verdict(page: Client, user: User, *, score: float) -> tuple[str, dict[str, str]]:
    """Return the page and its headers for a task with ``score``, without parts that differ for every upload."""
    task = claimed(user, score=score)
    answer = page.get("/")
    html = without_facts(readable(answer), {"NAME": task.upload.external_id})
    page.post(f"/claims/{task.claim_token}/skip/")
    Skip.objects.update(taken_back_at=Now())
    ReviewTask.objects.filter(pk=task.pk).update(withdrawn_at=Now())
    return html, headers(answer)


def test_an_audit_looks_like_a_task_from_the_band(page: Client, mo: User) -> None:
    band = seen_before_the_verdict(page, mo, score=0.5)
    assert seen_before_the_verdict(page, mo, score=0.05) == band
    assert seen_before_the_verdict(page, mo, score=0.93) == band


def test_the_upload_moves_with_the_verdict(page: Client, mo: User) -> None:
    task = claimed(mo)
    page.post(f"/claims/{task.claim_token}/decide/", verdict())
    assert Upload.objects.get().status == "approved"
