"""The queue at every size: a page at 200 % and 400 %, a phone upright and on its side, a tablet, a desk."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests import factories
from tests.browser.conftest import Visit, make_tasks, title

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SIZES = {
    "200 %": (720, 450),
    "400 %": (360, 225),
    "phone on its side": (844, 390),
    "phone": (390, 844),
    "tablet": (1024, 768),
    "desk": (1440, 900),
}
NEEDED = ("#reveal button", "#verdicts .approve", "summary.reject", ".verdict-unsure button", ".verdict-skip button")

# Returns what lies over the middle of the element, or "" where nothing does and all of it is within the screen.
IN_THE_WAY = """selector => {
    const element = document.querySelector(selector);
    element.scrollIntoView({ block: "nearest" });
    const box = element.getBoundingClientRect();
    if (box.top < 0 || box.left < 0 || box.bottom > innerHeight || box.right > innerWidth) return "outside the screen";
    const there = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    return element.contains(there) ? "" : there.outerHTML.slice(0, 60);
}"""


@pytest.fixture(params=SIZES)
def page(request: pytest.FixtureRequest, visit: Callable[..., Visit]) -> Page:
    width, height = SIZES[request.param]
    (task, _) = make_tasks(2)
    page = visit(factories.make_user(), viewport={"width": width, "height": height}).open()
    title(page, task)
    return page


def test_picture_reveal_and_verdicts_are_reached_and_not_covered(page: Page) -> None:
    for selector in NEEDED:
        assert page.evaluate(IN_THE_WAY, selector) == "", selector
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_picture_and_reveal_are_seen_together(page: Page) -> None:
    page.evaluate("stage.scrollIntoView({ block: 'nearest' })")
    picture, button = page.locator("#picture").bounding_box(), page.locator("#reveal button").bounding_box()
    screen = page.viewport_size
    assert picture is not None
    assert button is not None
    assert screen is not None
    assert picture["height"] >= 100
    assert picture["y"] >= 0
    assert button["y"] + button["height"] <= screen["height"]


def test_targets_are_large_enough(page: Page) -> None:
    page.keyboard.press("s")
    expect(page.locator("#undo")).to_be_visible()
    small = page.evaluate(
        """() => [...document.querySelectorAll("main a, main button, main summary")]
            .filter((each) => each.checkVisibility())
            .map((each) => [each.textContent.trim(), each.getBoundingClientRect().height])
            .filter(([, height]) => height < 24)"""
    )
    assert small == []


def test_the_empty_page_has_no_ring_around_its_card(visit: Callable[..., Visit]) -> None:
    (task,) = make_tasks(1)
    page = visit(factories.make_user()).open()
    title(page, task)
    page.keyboard.press("s")
    expect(page.locator("#waiting")).to_be_focused()
    expect(page.locator("#waiting")).to_have_css("outline-style", "none")
