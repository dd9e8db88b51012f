"""Notices of the queue stand in the place of the last decision: no button moves, and none is covered."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from moderation.models import Decision, ReviewTask
from tests import factories
from tests.browser.conftest import Visit, look, make_tasks, title

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHONE = {"viewport": {"width": 390, "height": 844}}
DESK = {"viewport": {"width": 1440, "height": 900}}
TABLET = {"viewport": {"width": 1024, "height": 768}}
BUTTONS = (
    "#reveal button",
    "#zoom",
    "#verdicts .approve",
    "summary.reject",
    ".verdict-unsure button",
    ".verdict-skip button",
)

Visits = Callable[..., Visit]


def places(page: Page) -> list[object]:
    return [page.locator(button).bounding_box() for button in BUTTONS]


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_no_notice_moves_a_button(visit: Visits, size: dict[str, object]) -> None:
    first, second, third = make_tasks(3)
    window = visit(factories.make_user(), **size)
    page = window.open()
    title(page, first)
    before = places(page)
    page.keyboard.press("s")
    title(page, second)
    expect(page.locator("#toast")).to_contain_text("Skipped")
    assert places(page) == before
    look(page)
    page.keyboard.press("a")
    title(page, third)
    expect(page.locator("#toast")).to_contain_text("Approved")
    assert places(page) == before
    page.keyboard.press("u")
    title(page, second)
    expect(page.locator("#notice")).to_be_visible()
    assert places(page) == before
    lose_claim(second)
    page.keyboard.press("s")
    title(page, third)
    expect(page.locator("#notice")).to_contain_text("Nothing was saved")
    assert places(page) == before
    window.context.set_offline(True)
    page.keyboard.press("s")
    expect(page.locator("#connection")).to_be_visible()
    assert places(page) == before
    window.context.set_offline(False)
    window.problems.clear()  # Chromium's own message about the lost connection


def lose_claim(task: ReviewTask) -> None:
    """Let somebody else hold the task."""
    ReviewTask.objects.filter(pk=task.pk).update(claimed_by=factories.make_user("zoe"))


def covers(page: Page, notice: str, button: str) -> bool:
    """Whether the notice lies over the middle of the button."""
    return bool(
        page.evaluate(
            """([notice, button]) => {
                const box = document.querySelector(button).getBoundingClientRect();
                const there = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
                return Boolean(there?.closest(notice));
            }""",
            [notice, button],
        )
    )


@pytest.mark.parametrize("size", [DESK, TABLET, PHONE], ids=["desk", "tablet", "phone"])
def test_a_lost_network_covers_no_button_and_is_tried_again_once(visit: Visits, size: dict[str, object]) -> None:
    first, second, third = make_tasks(3)
    window = visit(factories.make_user(), **size)
    page = window.open()
    title(page, first)
    look(page)
    page.keyboard.press("a")
    title(page, second)
    look(page)
    window.context.set_offline(True)
    page.keyboard.press("n")
    expect(page.locator("#connection")).to_contain_text("The server cannot be reached")
    assert [button for button in ("#undo", *BUTTONS) if covers(page, "#connection", button)] == []
    window.context.set_offline(False)
    window.problems.clear()  # Chromium's own message about the lost connection
    page.get_by_role("button", name="Try again").click()
    title(page, third)
    expect(page.locator("#connection")).to_be_hidden()
    verdicts = Decision.objects.order_by("pk").values_list("upload", "verdict")
    assert list(verdicts) == [(first.upload_id, "benign"), (second.upload_id, "cannot_tell")]


def test_score_and_reason_follow_by_themselves_and_move_nothing(visit: Visits, settings: object) -> None:
    settings.GRACE_SECONDS = 3  # type: ignore[attr-defined]
    first, second = make_tasks(2)
    page = visit(factories.make_user()).open()
    title(page, first)
    look(page)
    page.keyboard.press("a")
    title(page, second)
    before = [*places(page), page.locator("#undo").bounding_box()]
    expect(page.locator("#toast")).to_contain_text("Score 0.05")
    assert [*places(page), page.locator("#undo").bounding_box()] == before


def test_a_message_from_another_page_stands_there_too(visit: Visits) -> None:
    tasks = make_tasks(2)
    window = visit(factories.make_user())
    page = window.open()
    title(page, tasks[0])
    before = places(page)
    page.goto(f"{window.address}/keys/")
    page.get_by_role("button", name="Save").click()
    page.goto(f"{window.address}/")
    title(page, tasks[0])
    assert places(page) == before
