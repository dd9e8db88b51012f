"""The work of admins and leads by keyboard only, and their pages at three sizes."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from moderation.models import GoldItem, Objection, PolicyVersion
from moderation.review import gold
from tests import factories
from tests.browser.conftest import Visit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
TABLET = {"viewport": {"width": 1024, "height": 768}}
DESK = {"viewport": {"width": 1440, "height": 900}}
# No page has more elements in its tab order.
MOST_STOPS = 80


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until the element has the focus."""
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    pytest.fail(f"{selector} is not reached within {MOST_STOPS} stops")


def fill(page: Page, selector: str, text: str) -> None:
    tab_to(page, selector)
    page.keyboard.press("Control+A")
    page.keyboard.type(text)


def test_an_admin_publishes_thresholds(visit: Callable[..., Visit]) -> None:
    factories.make_screening(score=0.5)
    page = visit(factories.make_user(group="admin")).open("/thresholds/")
    fill(page, "#id_low", "0.31")
    fill(page, "#id_why", "Too many reviews.")
    tab_to(page, "button.primary")
    page.keyboard.press("Enter")
    expect(page.locator("body")).to_contain_text("Version 2")
    assert PolicyVersion.objects.root().in_force().get().low == 0.31


def test_typed_numbers_are_previewed_at_once(visit: Callable[..., Visit]) -> None:
    factories.make_screening(score=0.5)
    page = visit(factories.make_user(group="admin")).open("/thresholds/")
    fill(page, "#id_low", "0.31")
    expect(page.locator("#threshold-preview")).to_contain_text("proposed 0.31 / 0.80")


def test_an_admin_marks_gold_and_sets_its_rate(visit: Callable[..., Visit]) -> None:
    upload = factories.make_screening(score=0.05).upload_id
    page = visit(factories.make_user(group="admin")).open("/thresholds/gold/")
    fill(page, "[name=upload]", str(upload))
    tab_to(page, "[name=truth]")
    page.keyboard.press("Space")
    fill(page, "[name=why]", "Three leads agreed.")
    tab_to(page, "button.primary")
    page.keyboard.press("Enter")
    expect(page.locator("body")).to_contain_text(f"Upload {upload} is a gold item")
    assert GoldItem.objects.get().truth == "violating"


def test_a_lead_appeals_from_the_upload(visit: Callable[..., Visit]) -> None:
    upload = factories.make_screening(score=0.95).upload_id
    page = visit(factories.make_user(group="lead")).open(f"/uploads/{upload}/")
    tab_to(page, f"a[href='/uploads/{upload}/appeal/']")
    page.keyboard.press("Enter")
    expect(page.locator("h1").first).to_contain_text("ppeal")
    fill(page, "[name=text]", "A statue.")
    tab_to(page, "button.primary")
    page.keyboard.press("Enter")
    expect(page.locator("body")).to_contain_text("A statue.")
    assert Objection.objects.get().text == "A statue."


@pytest.mark.parametrize(
    ("size", "scheme"), [(PHONE, "dark"), (TABLET, "light"), (DESK, "dark")], ids=["phone", "tablet", "desk"]
)
def test_the_pages_fit(
    visit: Callable[..., Visit], serious: Callable[[Page], list[str]], scheme: str, size: dict[str, object]
) -> None:
    screening, admin = factories.make_screening(score=0.95, u=0.999), factories.make_user(group="admin")
    gold.mark(screening.upload, truth="violating", by=admin, why="Beyond doubt.")
    window = visit(admin, color_scheme=scheme, **size)
    for path in (
        "/thresholds/",
        "/thresholds/gold/",
        "/checks/",
        "/appeals/",
        f"/uploads/{screening.upload_id}/appeal/",
    ):
        page = window.open(path)
        expect(page.locator("h1").first).to_be_visible()
        page.wait_for_load_state("networkidle")
        assert serious(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
