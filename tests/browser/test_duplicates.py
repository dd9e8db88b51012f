"""The page of near-duplicates in Chromium: accessible, no wider than the screen."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from moderation.models import ReviewTask, Screening, Upload
from moderation.review import claiming
from tests import factories
from tests.browser.conftest import Visit, look, title
from tests.moderation.review.near_duplicates import Cluster

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
TABLET = {"viewport": {"width": 1024, "height": 768}}
DESK = {"viewport": {"width": 1440, "height": 900}}


@pytest.fixture
def members(transactional_db: None) -> list[Screening]:
    cluster = Cluster()
    found = [cluster.add() for _ in range(6)]
    for task in ReviewTask.objects.select_related("upload__file", "screening"):
        factories.make_renditions(task)
    return found


def keep(page: Page, name: str) -> None:
    """Save a picture of the page in the folder that SCREENSHOTS names, if any."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@pytest.mark.parametrize(
    ("size", "scheme"), [(PHONE, "dark"), (TABLET, "light"), (DESK, "dark")], ids=["phone", "tablet", "desk"]
)
def test_the_page_fits(
    visit: Callable[..., Visit],
    serious: Callable[[Page], list[str]],
    members: list[Screening],
    scheme: str,
    size: dict[str, object],
    settings: object,
) -> None:
    settings.GRACE_SECONDS = 0  # type: ignore[attr-defined]
    person = factories.make_user()
    task = claiming.claim_next(person)
    assert task is not None
    factories.decide_claimed(task, "benign")
    page = visit(person, color_scheme=scheme, **size).open(f"/uploads/{members[0].upload_id}/duplicates/")
    expect(page.locator(".member img")).to_have_count(5)
    page.wait_for_load_state("networkidle")
    keep(page, f"duplicates-{scheme}-{page.viewport_size['width']}")  # type: ignore[index]
    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_digit_and_a_reason_remove_a_near_duplicate(
    visit: Callable[..., Visit], members: list[Screening], settings: object
) -> None:
    """Once the verdict is in effect, `d` opens the page of its near-duplicates, and a digit asks why one is removed."""
    settings.GRACE_SECONDS = 1  # type: ignore[attr-defined]
    page = visit(factories.make_user()).open()
    title(page, ReviewTask.objects.get(screening=members[0]))
    look(page)
    page.keyboard.press("a")
    expect(page.locator("#toast")).to_contain_text("5 near-duplicates took it over")
    page.keyboard.press("d")
    expect(page.locator(".member")).to_have_count(5)
    page.wait_for_load_state()  # keys are listened to once the page's modules have come
    page.keyboard.press("2")
    expect(page.locator(f"#why-{members[2].upload_id}")).to_be_focused()  # a reason is required
    page.keyboard.type("Another picture.")
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"Upload {members[2].upload_id} was removed from the near-duplicates.")).to_be_visible()
    expect(page.locator(".member")).to_have_count(4)
    assert Upload.objects.get(pk=members[2].upload_id).status == "in_review"
