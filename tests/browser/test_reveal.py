"""The picture is clear while Space is held and blurred after, whatever was clicked before."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from moderation.models import Exposure
from tests import factories
from tests.browser.conftest import Visit, make_tasks, shows, title

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Visits = Callable[..., Visit]


@pytest.fixture
def page(visit: Visits) -> Page:
    (task,) = make_tasks(1)
    page = visit(factories.make_user()).open()
    title(page, task)
    return page


@pytest.mark.parametrize("times", [1, 2], ids=["on", "off"])
@pytest.mark.parametrize(
    "clicked", ["#reveal button", "summary.reject", "#zoom", ".user-menu summary", "#policy-title"]
)
def test_space_reveals_while_it_is_held_whatever_was_clicked(page: Page, clicked: str, times: int) -> None:
    for _ in range(times):
        page.locator(clicked).click()
    page.keyboard.down(" ")
    shows(page, "clear")
    page.keyboard.down(" ")  # auto-repeat
    shows(page, "clear")
    page.keyboard.up(" ")
    shows(page, "blurred")
    expect(page.locator("#reveal button")).to_have_attribute("aria-pressed", "false")
    assert Exposure.objects.count() == 1


def test_space_holds_on_the_reveal_button_that_tab_reached(page: Page) -> None:
    page.locator("#reveal button").focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    expect(page.locator("#reveal button")).to_be_focused()
    page.keyboard.down(" ")
    shows(page, "clear")
    page.keyboard.up(" ")
    shows(page, "blurred")


def test_space_presses_another_control_that_tab_reached(page: Page) -> None:
    page.locator("#verdicts .approve").focus()
    page.keyboard.press("Tab")
    expect(page.locator("summary.reject")).to_be_focused()
    page.keyboard.press(" ")
    expect(page.locator("#reasons")).to_be_visible()
    shows(page, "blurred")


def test_enter_on_the_button_toggles(page: Page) -> None:
    page.locator("#reveal button").focus()
    page.keyboard.press("Enter")
    shows(page, "clear")
    page.keyboard.press("Enter")
    shows(page, "blurred")


def test_screen_readers_hear_what_is_shown(page: Page) -> None:
    page.keyboard.down(" ")
    expect(page.locator("#announcer")).to_have_text("This upload, clear")
    page.keyboard.up(" ")
    expect(page.locator("#announcer")).to_have_text("This upload, blurred")


def test_a_new_task_is_blurred_though_space_is_still_held(visit: Visits) -> None:
    first, second = make_tasks(2)
    page = visit(factories.make_user()).open()
    title(page, first)
    page.keyboard.down(" ")
    shows(page, "clear")
    page.keyboard.press("s")
    title(page, second)
    page.keyboard.down(" ")  # auto-repeat
    shows(page, "blurred")
    assert Exposure.objects.get().task == first
