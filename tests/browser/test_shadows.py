"""The page of shadow mode in Chromium: accessible, no wider than the screen, clear only after a reveal."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from moderation.models import Exposure, Shadow
from tests import factories
from tests.browser.conftest import Visit
from tests.processes import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
TABLET = {"viewport": {"width": 1024, "height": 768}}
DESK = {"viewport": {"width": 1440, "height": 900}}
SCORES = [(0.05, 0.9), (0.1, 0.3), (0.12, 0.11), (0.5, 0.1), (0.9, 0.6), (0.93, 0.97), (0.3, 0.42), (0.02, 0.04)]


@pytest.fixture
def shadow(transactional_db: None) -> Shadow:
    shadow = factories.make_shadow()
    for now, then in SCORES:
        factories.make_shadow_score(factories.make_screening(score=now), shadow, then)
    return shadow


def keep(page: Page, name: str) -> None:
    """Save a picture of the page in the folder that SCREENSHOTS names, if any."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@pytest.mark.parametrize(
    ("size", "scheme"), [(PHONE, "light"), (TABLET, "dark"), (DESK, "light")], ids=["phone", "tablet", "desk"]
)
def test_the_page_fits(
    visit: Callable[..., Visit],
    serious: Callable[[Page], list[str]],
    shadow: Shadow,
    scheme: str,
    size: dict[str, object],
) -> None:
    window = visit(factories.make_user(group="admin"), color_scheme=scheme, **size)
    for path in (f"{shadow.pk}/?low=0.20&high=0.80", ""):
        page = window.open(f"/thresholds/shadows/{path}")
        expect(page.locator("h1").first).to_be_visible()
        page.wait_for_load_state("networkidle")
        keep(page, f"shadow{len(path)}-{scheme}-{page.viewport_size['width']}")  # type: ignore[index]
        assert serious(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_picture_is_clear_after_its_reveal_alone_and_blurred_again(
    visit: Callable[..., Visit], shadow: Shadow
) -> None:
    page = visit(factories.make_user(group="lead")).open(f"/thresholds/shadows/{shadow.pk}/?low=0.20&high=0.80")
    expect(page.locator(".flip img")).to_have_count(4)
    assert page.locator(".flip img[src*=clear]").count() == 0
    page.locator(".flip button").first.click()
    expect(page.locator(".flip img[src*=clear]")).to_have_count(1)
    assert Exposure.objects.count() == 1
    # Not wait_for_function: the page's policy lets nothing evaluate strings, Playwright's poll neither.
    wait_for(lambda: page.evaluate("document.querySelector('.flip img[src*=clear]').naturalWidth") > 0)
    page.get_by_role("link", name="Blur again").click()
    expect(page.locator(".flip img[src*=clear]")).to_have_count(0)
