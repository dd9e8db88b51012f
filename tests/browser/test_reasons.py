"""The reasons of a rejection: what closes them, and how a comment is sent."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from moderation.models import Decision, Skip
from tests import factories
from tests.browser.conftest import Visit, look, make_tasks, title

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}

Visits = Callable[..., Visit]


def open_reasons(visit: Visits, **options: object) -> Page:
    (task,) = make_tasks(1)
    page = visit(factories.make_user(), **options).open()
    title(page, task)
    look(page)
    page.locator("summary.reject").click()
    expect(page.locator("#reasons")).to_be_visible()
    return page


@pytest.mark.parametrize("key", ["a", "n", "s"])
def test_the_key_of_another_verdict_only_closes_them(visit: Visits, key: str) -> None:
    page = open_reasons(visit)
    page.keyboard.press(key)
    expect(page.locator("#reasons")).to_be_hidden()
    expect(page.locator("summary.reject")).to_be_focused()
    assert not Decision.objects.exists()
    assert not Skip.objects.exists()


def test_the_button_of_another_verdict_only_closes_them(visit: Visits) -> None:
    page = open_reasons(visit)
    page.locator("#verdicts .approve").click()
    expect(page.locator("#reasons")).to_be_hidden()
    assert not Decision.objects.exists()


@pytest.mark.parametrize("focused", ["#comment", "#reasons button >> nth=0", "summary.reject"])
def test_escape_closes_them_and_returns_to_their_button(visit: Visits, focused: str) -> None:
    page = open_reasons(visit)
    page.locator(focused).focus()
    page.keyboard.press("Escape")
    expect(page.locator("#reasons")).to_be_hidden()
    expect(page.locator("summary.reject")).to_be_focused()


def test_other_keys_leave_them_open(visit: Visits) -> None:
    page = open_reasons(visit)
    page.keyboard.press("v")
    page.keyboard.press("z")
    expect(page.locator("#reasons")).to_be_visible()


def test_on_a_phone_a_tap_beside_the_sheet_closes_it(visit: Visits) -> None:
    page = open_reasons(visit, **PHONE)
    page.locator("#stage-title").tap()
    expect(page.locator("#reasons")).to_be_hidden()


def test_on_a_phone_a_button_sends_the_comment(visit: Visits) -> None:
    page = open_reasons(visit, **PHONE)
    send = page.get_by_role("button", name="Reject with this comment")
    expect(send).to_be_hidden()
    page.get_by_role("button", name="Something else").tap()
    send.tap()
    expect(page.locator("#comment")).to_be_focused()
    page.locator("#comment").fill("odd")
    send.tap()
    expect(page.locator("#toast")).to_contain_text("Rejected")
    assert Decision.objects.get().comment == "odd"
