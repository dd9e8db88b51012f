"""Stepping through the pictures of a file by keys and by links. No clear byte arrives too early."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from moderation.models import Exposure, ReviewTask
from reviewqueue.review.context import rendition_path_or_404
from tests import factories
from tests.browser.conftest import Visit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Visits = Callable[..., Visit]
PART = {"frame": 7, "view": 3, "size": [1800, 700], "box": [0.5, 0, 0.75, 1]}


@pytest.fixture
def task() -> ReviewTask:
    task = factories.make_task()
    factories.make_views(task, {"frame": 211}, PART, {"frame": 7, "size": [1800, 700]}, {"frame": 30})
    factories.make_renditions(task)
    return task


def shows(page: Page, state: str, *, picture: int) -> None:
    expect(page.locator("#stage")).to_have_attribute("data-state", state)
    expect(page.locator("#strip-place")).to_contain_text(f"{picture} of 3")
    current = page.locator("#picture-strip [aria-current]")
    expect(current).to_have_count(1)
    expect(current).to_have_attribute("href", f"/?picture={picture}")


def test_keys_step_and_every_picture_is_blurred_at_first(visit: Visits, task: ReviewTask) -> None:
    page = visit(factories.make_user()).open()
    shows(page, "blurred", picture=1)
    page.keyboard.press("v")
    shows(page, "clear", picture=1)
    page.keyboard.press(".")
    shows(page, "blurred", picture=2)
    expect(page.locator("#picture img.clear")).to_have_count(0)
    page.keyboard.press("v")
    shows(page, "clear", picture=2)
    for expected in (1, 3):
        page.keyboard.press(",")
        shows(page, "blurred", picture=expected)
    page.keyboard.press(".")
    shows(page, "blurred", picture=1)
    assert Exposure.objects.count() == 1


def test_every_picture_is_clear_while_space_is_held(visit: Visits, task: ReviewTask) -> None:
    page = visit(factories.make_user()).open()
    shows(page, "blurred", picture=1)
    page.keyboard.down(" ")
    shows(page, "clear", picture=1)
    page.keyboard.press(".")
    shows(page, "clear", picture=2)
    page.keyboard.up(" ")
    shows(page, "blurred", picture=2)


def test_the_outline_belongs_to_its_picture(visit: Visits, task: ReviewTask) -> None:
    page = visit(factories.make_user()).open()
    expect(page.locator("#picture .outline")).to_be_hidden()
    page.locator("#picture-strip li a").nth(1).click()
    rect = page.locator("#picture .outline rect")
    expect(rect).to_be_visible()
    stage, part = page.locator("#picture").bounding_box(), rect.bounding_box()
    assert stage is not None
    assert part is not None
    # The picture fills the stage's width; the part is its third quarter.
    assert part["x"] - stage["x"] == pytest.approx(stage["width"] / 2, abs=4)
    assert part["width"] == pytest.approx(stage["width"] / 4, abs=4)
    page.keyboard.press(".")
    expect(page.locator("#picture .outline")).to_be_hidden()


def test_no_clear_byte_of_any_picture_arrives_before_its_reveal(visit: Visits, task: ReviewTask) -> None:
    clear = [rendition_path_or_404(task, variant="clear", number=number).read_bytes() for number in (1, 2, 3)]
    window = visit(factories.make_user())
    bodies: list[bytes] = []
    window.context.on("response", lambda answer: bodies.append(answer.body()) if answer.status == 200 else None)
    page = window.open()
    for expected in (1, 2, 3):
        shows(page, "blurred", picture=expected)
        page.keyboard.press(".")
        page.wait_for_load_state("networkidle")
    assert len(bodies) > 10
    assert not any(picture in body for picture in clear for body in bodies)
    page.keyboard.press(".")
    page.keyboard.press("v")
    shows(page, "clear", picture=2)
    page.wait_for_load_state("networkidle")
    assert [any(picture in body for body in bodies) for picture in clear] == [False, True, False]


def test_links_and_the_form_work_without_javascript(visit: Visits, task: ReviewTask) -> None:
    page = visit(factories.make_user(), java_script_enabled=False).open()
    page.locator("button", has_text="Start").click()
    page.locator("#picture-strip a.step").nth(1).click()
    shows(page, "blurred", picture=2)
    page.locator("#reveal button").click()
    shows(page, "clear", picture=2)
    page.locator("#picture-strip li a").nth(2).click()
    shows(page, "blurred", picture=3)


def test_it_is_accessible(visit: Visits, task: ReviewTask, serious: Callable[[Page], list[str]]) -> None:
    for scheme in ("dark", "light"):
        page = visit(factories.make_user(scheme), color_scheme=scheme).open()
        shows(page, "blurred", picture=1)
        assert serious(page) == []
        ReviewTask.objects.update(claimed_by=None, claim_token=None, claimed_at=None, claim_expires_at=None)
