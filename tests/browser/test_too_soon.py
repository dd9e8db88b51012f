"""Nothing settles an upload before its picture was on the screen for long enough to be seen."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from moderation.models import Decision, Skip
from tests import factories
from tests.browser.conftest import TOO_SOON, Visit, look, make_tasks, named, title

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Visits = Callable[..., Visit]

# Frames are painted only once the test says so.
HELD_FRAMES = """
    const frames = [];
    const request = window.requestAnimationFrame.bind(window);
    window.requestAnimationFrame = (callback) => frames.push(callback);
    window.paint = () => { window.requestAnimationFrame = request; frames.splice(0).forEach(request); };
"""


def press_everything(page: Page) -> None:
    """Press each key that settles an upload, and click each button."""
    for key in ("a", "n", "s"):
        page.keyboard.press(key)
    for button in ("Approve", "Cannot tell", "Skip"):
        page.locator("#verdicts").get_by_role("button", name=button).click()


def test_no_key_and_no_click_settles_a_task_that_is_not_painted(visit: Visits) -> None:
    (task,) = make_tasks(1)
    window = visit(factories.make_user())
    window.context.add_init_script(HELD_FRAMES)
    page = window.open()
    named(page, task)
    press_everything(page)
    page.evaluate("paint()")
    title(page, task)
    page.keyboard.press("s")
    page.locator("#empty").wait_for()
    assert (Decision.objects.count(), Skip.objects.count()) == (0, 1)


def test_no_key_and_no_click_settles_a_task_in_its_first_moments(visit: Visits) -> None:
    (task,) = make_tasks(1)
    page = visit(factories.make_user()).open()
    title(page, task)
    page.evaluate("workplace.dataset.readyAt = performance.now() + 1e9")
    press_everything(page)
    named(page, task)
    assert not Decision.objects.exists()
    assert not Skip.objects.exists()


def test_the_moments_count_from_the_paint(visit: Visits) -> None:
    (task,) = make_tasks(1)
    window = visit(factories.make_user())
    window.context.add_init_script(
        "document.addEventListener('htmx:afterSettle', () => { window.settledAt ??= performance.now(); })"
    )
    page = window.open()
    title(page, task)
    assert page.evaluate("Number(workplace.dataset.readyAt) - settledAt") > TOO_SOON


def test_a_double_click_settles_one_upload(visit: Visits) -> None:
    first, second = make_tasks(2)
    page = visit(factories.make_user()).open()
    title(page, first)
    look(page)
    page.locator("#verdicts .approve").dblclick()
    title(page, second)
    assert Decision.objects.get().upload == first.upload


def test_a_held_key_settles_one_upload(visit: Visits) -> None:
    first, second = make_tasks(2)
    page = visit(factories.make_user()).open()
    title(page, first)
    look(page)
    page.keyboard.down("a")
    title(page, second)
    look(page)
    for _ in range(3):
        page.keyboard.down("a")  # auto-repeat
    named(page, second)
    assert Decision.objects.count() == 1


def test_a_held_enter_presses_a_button_once(visit: Visits) -> None:
    (task,) = make_tasks(1)
    page = visit(factories.make_user()).open()
    title(page, task)
    page.locator("#reveal button").focus()
    for _ in range(4):
        page.keyboard.down("Enter")
    page.keyboard.up("Enter")
    assert page.locator("#reveal button").get_attribute("aria-pressed") == "true"
