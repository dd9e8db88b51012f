"""The pages of hash lists in Chromium: accessible, no wider than the screen, and a match contested in its place."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from moderation.models import HashMatch
from tests import factories
from tests.browser.conftest import Visit
from tests.processes import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
TABLET = {"viewport": {"width": 1024, "height": 768}}
DESK = {"viewport": {"width": 1440, "height": 900}}


@pytest.fixture
def match(transactional_db: None) -> HashMatch:
    """The last of some matches with one list of several."""
    ours = factories.make_hash_list(name="Shared with our partners", source="The partners' exchange")
    factories.make_hash_list("known_good", name="Press pictures", enabled=False)
    picture = bytes.fromhex("f1e2" * 16)
    factories.make_entry(ours, picture, is_picture=True, label="spam", who="ada", why="Reported often.")
    factories.make_entry(ours, bytes(32), is_picture=True)
    for number in range(4):
        match = factories.make_match(factories.make_entry(ours, bytes([number]), who="ada", why="From the exchange."))
    return match


def keep(page: Page, name: str) -> None:
    """Save a picture of the page in the folder that SCREENSHOTS names, if any."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@pytest.mark.parametrize(
    ("size", "scheme"), [(PHONE, "dark"), (TABLET, "light"), (DESK, "dark")], ids=["phone", "tablet", "desk"]
)
def test_the_pages_fit(
    visit: Callable[..., Visit],
    serious: Callable[[Page], list[str]],
    match: HashMatch,
    scheme: str,
    size: dict[str, object],
) -> None:
    window = visit(factories.make_user(group="admin"), color_scheme=scheme, **size)
    pages = {
        "lists": "/hash-lists/",
        "list": match.entry.hash_list.get_absolute_url(),
        "entry": match.entry.get_absolute_url(),
        "upload": match.upload.get_absolute_url(),
    }
    for name, path in pages.items():
        page = window.open(path)
        expect(page.locator("h1").first).to_be_visible()
        page.wait_for_load_state("networkidle")
        keep(page, f"hash-{name}-{scheme}-{page.viewport_size['width']}")  # type: ignore[index]
        assert serious(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name


def test_a_match_is_contested_by_keyboard_in_its_place(visit: Callable[..., Visit], match: HashMatch) -> None:
    page = visit(factories.make_user(group="lead")).open(match.entry.hash_list.get_absolute_url())
    card = page.locator(f"#match-{match.pk}")
    card.get_by_role("button", name="Contest").focus()
    page.keyboard.press("Enter")
    expect(card.get_by_text("Say why you contest it")).to_be_visible()
    card.get_by_label("Why").fill("It is a red square.")
    card.get_by_role("button", name="Contest").focus()
    page.keyboard.press("Enter")
    expect(card.get_by_text("The entry is contested. It routes nothing any more")).to_be_visible()
    wait_for(lambda: HashMatch.objects.filter(pk=match.pk, superseded=True).exists())
    expect(card.get_by_role("button")).to_have_count(0)
