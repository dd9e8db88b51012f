"""The queue, used by keyboard, mouse and touch."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from playwright.sync_api import expect

from moderation.models import Decision, Effect, Exposure, ReviewTask
from moderation.review import claiming
from reviewqueue.review.context import rendition_path_or_404
from tests import factories
from tests.browser.conftest import Visit, look, make_tasks, named, shows, title

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Visits = Callable[..., Visit]


def test_thirty_tasks_by_keyboard_alone(visit: Visits) -> None:
    tasks = make_tasks(30)
    page = visit(factories.make_user()).open()
    for number, task in enumerate(tasks):
        title(page, task)
        look(page)
        if number % 3 == 0:
            page.keyboard.press("a")
        elif number % 3 == 1:
            page.keyboard.press("r")
            page.keyboard.press("2")
        else:
            page.keyboard.press("n")
    expect(page.locator("#empty h1")).to_have_text("The remaining uploads need another person")
    assert Decision.objects.count() == 30
    assert Decision.objects.filter(verdict="violating", reason="sexual_activity").count() == 10


def test_space_reveals_while_it_is_held_and_records_one_exposure(visit: Visits) -> None:
    (task,) = make_tasks(1)
    page = visit(factories.make_user()).open()
    title(page, task)
    for _ in range(2):
        page.keyboard.down(" ")
        page.keyboard.down(" ")  # auto-repeat
        shows(page, "clear")
        page.keyboard.up(" ")
        shows(page, "blurred")
    assert Exposure.objects.get().task == task


def test_a_key_counts_from_the_moment_the_task_arrives(visit: Visits) -> None:
    make_tasks(1)
    window = visit(factories.make_user())
    window.context.add_init_script(
        "document.addEventListener('htmx:afterSwap', () => setTimeout(() =>"
        " document.body.dispatchEvent(new KeyboardEvent('keydown', {key: ' ', bubbles: true})), 0), {once: true})"
    )
    page = window.open()
    shows(page, "clear")
    assert "revealed" not in page.url


def test_the_button_toggles_and_leaving_the_window_blurs(visit: Visits) -> None:
    (task,) = make_tasks(1)
    page = visit(factories.make_user()).open()
    title(page, task)
    button = page.locator("#reveal button")
    button.click()
    shows(page, "clear")
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    shows(page, "blurred")
    page.keyboard.press("v")
    shows(page, "clear")
    page.evaluate("window.dispatchEvent(new Event('blur'))")
    shows(page, "blurred")
    assert Exposure.objects.count() == 1


def test_the_picture_reveals_while_it_is_pressed(visit: Visits) -> None:
    make_tasks(1)
    page = visit(factories.make_user()).open()
    page.hover("#picture")
    page.mouse.down()
    shows(page, "clear")
    page.mouse.up()
    shows(page, "blurred")


def test_no_clear_byte_arrives_before_a_reveal(visit: Visits) -> None:
    tasks = make_tasks(4)
    clear = [rendition_path_or_404(task, variant="clear").read_bytes() for task in tasks]
    window = visit(factories.make_user())
    bodies: list[bytes] = []
    window.context.on("response", lambda answer: bodies.append(answer.body()) if answer.status == 200 else None)
    page = window.open()
    for task in tasks[:3]:
        title(page, task)
        page.wait_for_load_state("networkidle")
        page.keyboard.press("s")
    title(page, tasks[3])
    page.wait_for_load_state("networkidle")
    assert len(bodies) > 10
    assert not any(picture in body for picture in clear for body in bodies)
    with page.expect_response("**/clear/**") as shown:
        page.keyboard.down(" ")
    shows(page, "clear")
    assert shown.value.body() == clear[3]


def test_a_digit_does_nothing_until_the_reasons_are_open(visit: Visits) -> None:
    (task,) = make_tasks(1)
    page = visit(factories.make_user()).open()
    title(page, task)
    page.keyboard.press("1")
    look(page)
    page.keyboard.press("r")
    expect(page.locator("#reasons")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#reasons")).to_be_hidden()
    page.keyboard.press("1")
    assert not Decision.objects.exists()
    page.keyboard.press("r")
    page.keyboard.press("1")
    expect(page.locator("#toast")).to_contain_text("Rejected")
    assert Decision.objects.get().reason == "nudity"


def test_a_reason_that_needs_a_comment_waits_for_it(visit: Visits) -> None:
    (task,) = make_tasks(1)
    page = visit(factories.make_user()).open()
    title(page, task)
    look(page)
    page.keyboard.press("r")
    page.keyboard.press("5")
    expect(page.locator("#comment")).to_be_focused()
    page.keyboard.type("a scary rabbit")  # a, r, s, n and others are letters here, not commands
    page.keyboard.press("Enter")
    expect(page.locator("#toast")).to_contain_text("Rejected")
    assert Decision.objects.get().comment == "a scary rabbit"


def test_undo_returns_the_upload_and_cancels_the_effect(visit: Visits) -> None:
    first, second = make_tasks(2)
    page = visit(factories.make_user()).open()
    title(page, first)
    look(page)
    page.keyboard.press("r")
    page.keyboard.press("1")
    title(page, second)
    expect(page.locator(".due")).to_contain_text("follow in")
    page.keyboard.press("u")
    title(page, first)
    expect(page.locator("#notice")).to_contain_text("Nothing had taken effect.")
    assert Effect.objects.get(decision__isnull=False).cancelled_at is not None


def test_the_next_upload_is_announced_and_takes_the_focus(visit: Visits) -> None:
    first, second = make_tasks(2)
    page = visit(factories.make_user()).open()
    title(page, first)
    look(page)
    page.locator("#verdicts .approve").click()
    title(page, second)
    expect(page.locator("#stage")).to_be_focused()
    expect(page.locator("#announcer")).to_contain_text("Approved the upload.")
    expect(page.locator("#announcer")).to_contain_text("The next upload is here, blurred.")


def test_a_missing_picture_is_told_and_nothing_can_be_decided(visit: Visits) -> None:
    (task,) = make_tasks(1)
    page = visit(factories.make_user()).open()
    title(page, task)
    rendition_path_or_404(task, variant="clear").unlink()
    page.locator("#reveal button").click()
    expect(page.locator("#stage")).to_contain_text("The image is missing")
    expect(page.locator("#verdicts").get_by_role("button")).to_have_text([re.compile("Skip")])
    assert not Exposure.objects.exists()


def test_a_clear_picture_that_does_not_load_shows_an_error_and_stays_blurred(visit: Visits) -> None:
    (task,) = make_tasks(1)
    window = visit(factories.make_user())
    window.context.route("**/clear/", lambda route: route.abort())
    page = window.open()
    title(page, task)
    page.locator("#reveal button").click()
    expect(page.locator("#picture-error")).to_be_visible()
    shows(page, "blurred")
    window.problems.clear()  # Chromium's own message about the picture


def test_a_lost_claim_is_explained_and_the_next_task_is_there(visit: Visits) -> None:
    first, second = make_tasks(2)
    page = visit(factories.make_user()).open()
    title(page, first)
    ReviewTask.objects.filter(pk=first.pk).update(claim_expires_at=Now() - timedelta(seconds=1))
    claiming.claim_next(factories.make_user("zoe"))
    page.keyboard.press("a")
    title(page, second)
    expect(page.locator("#notice")).to_contain_text("Your claim on this upload is over")
    assert not Decision.objects.exists()


def test_a_claim_lost_before_the_reveal_leaves_the_stage(visit: Visits) -> None:
    first, second = make_tasks(2)
    page = visit(factories.make_user()).open()
    title(page, first)
    ReviewTask.objects.filter(pk=first.pk).update(claim_expires_at=Now() - timedelta(seconds=1))
    claiming.claim_next(factories.make_user("zoe"))
    page.keyboard.down(" ")
    expect(page.locator("#lost")).to_contain_text("Your claim on this upload is over")
    expect(page.locator("#picture")).to_have_count(0)
    page.keyboard.up(" ")
    page.get_by_role("button", name="Next upload").click()
    title(page, second)


def test_two_tabs_never_decide_twice(visit: Visits) -> None:
    first, second, third = make_tasks(3)
    window = visit(factories.make_user())
    left = window.open()
    title(left, first)
    look(left)
    right = window.open()
    title(right, first)
    left.keyboard.press("a")
    title(left, second)
    right.keyboard.press("r")
    right.keyboard.press("1")
    expect(right.locator("#notice")).to_contain_text("You decided")
    title(right, second)
    assert Decision.objects.get().verdict == "benign"
    look(right)
    right.keyboard.press("a")
    title(right, third)


def test_an_expired_session_leads_to_the_sign_in(visit: Visits) -> None:
    (task,) = make_tasks(1)
    window = visit(factories.make_user())
    page = window.open()
    title(page, task)
    window.context.clear_cookies(name="sessionid")
    page.keyboard.press("a")
    page.wait_for_url(re.compile(r"/accounts/login/\?.*next=/$"))
    assert not Decision.objects.exists()


def test_a_lost_network_shows_a_notice(visit: Visits) -> None:
    (task,) = make_tasks(1)
    window = visit(factories.make_user())
    page = window.open()
    title(page, task)
    look(page)
    window.context.set_offline(True)
    page.keyboard.press("a")
    expect(page.locator("#connection")).to_contain_text("The server cannot be reached")
    window.context.set_offline(False)
    window.problems.clear()  # Chromium's own word about the lost connection
    page.keyboard.press("a")
    expect(page.locator("#connection")).to_be_hidden()
    expect(page.locator("#toast")).to_contain_text("Approved")


def test_the_claim_is_renewed_by_itself(visit: Visits, settings: object) -> None:
    settings.CLAIM_SECONDS = 9  # type: ignore[attr-defined]
    (task,) = make_tasks(1)
    page = visit(factories.make_user()).open()
    title(page, task)
    task.refresh_from_db()
    ends, token = task.claim_expires_at, task.claim_token
    with page.expect_response(f"**/claims/{task.claim_token}/renew/"):
        pass
    expect(page.locator(".clock")).to_contain_text("0:0")
    task.refresh_from_db()
    assert ends is not None
    assert task.claim_expires_at is not None
    assert task.claim_expires_at > ends
    assert task.claim_token == token


def test_help_opens_and_takes_the_keys_for_itself(visit: Visits) -> None:
    (task,) = make_tasks(1)
    page = visit(factories.make_user()).open()
    title(page, task)
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("a")
    page.keyboard.press("Escape")
    expect(page.locator("#help")).to_be_hidden()
    assert not Decision.objects.exists()


def test_keys_with_modifiers_are_the_browsers(visit: Visits) -> None:
    (task,) = make_tasks(1)
    page = visit(factories.make_user()).open()
    title(page, task)
    for chord in ("Control+a", "Alt+n", "Meta+s"):
        page.keyboard.press(chord)
    assert not Decision.objects.exists()
    title(page, task)


def test_everything_works_without_javascript(visit: Visits) -> None:
    first, second, third = make_tasks(3)
    page = visit(factories.make_user(), java_script_enabled=False).open()
    page.get_by_role("button", name="Start reviewing").click()
    named(page, first)
    page.get_by_role("button", name="Reveal").click()
    expect(page.locator("img.clear")).to_be_visible()
    page.get_by_role("link", name="Blur again").click()
    expect(page.locator("img.blurred")).to_be_visible()
    page.get_by_role("button", name="Approve").click()
    named(page, second)
    page.locator("summary.reject").click()
    page.get_by_role("button", name="Something else").click()
    expect(page.locator("#comment-error")).to_contain_text("needs a comment")
    page.locator("#comment").fill("odd")
    page.get_by_role("button", name="Something else").click()
    expect(page.locator("#question")).to_contain_text("You have not looked at this upload.")
    page.get_by_role("button", name="Reject unseen").click()
    named(page, third)
    page.get_by_role("button", name="Undo").click()
    named(page, second)
    page.get_by_role("button", name="Skip").click()
    named(page, third)
    assert list(Decision.objects.order_by("pk").values_list("kind", "verdict")) == [
        ("verdict", "benign"),
        ("verdict", "violating"),
        ("undo", ""),
    ]
