"""Every page at every size: nothing is wider than the screen, cut off, covered or too small to press."""

from collections.abc import Callable, Iterator

import pytest
from django.contrib import admin
from django.urls import reverse
from playwright.sync_api import Page

from moderation.models import PolicyVersion, User
from reviewqueue.access import OPENS
from tests import factories
from tests.browser.conftest import Visit
from tests.browser.test_layout import SIZES
from tests.moderation.reporting.runs import make_ledger_day, make_run

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.lengthy]

# Addresses that answer with no page of their own; the queue has tests of its own.
NO_PAGES = {
    *("review", "waiting", "last_decision", "rendition", "duplicate_blurred", "shadow_image", "hash_list_export"),
    *("thresholds_preview", "api:openapi-json", "api:openapi-view"),
    *("healthz", "readyz", "account_login", "account_inactive"),
}

# Returns a sentence for each fault of the page at the window's size.
FAULTS = """() => {
    const seen = (element) => element.checkVisibility() && !element.closest(".visually-hidden, .skip-link, [hidden]")
    const named = (element) => element.outerHTML.slice(0, 100)
    const faults = []
    if (document.documentElement.scrollWidth > innerWidth) faults.push("wider than the screen")
    for (const element of document.querySelectorAll("main *")) {
        const hides = ["hidden", "clip"].includes(getComputedStyle(element).overflowX)
        if (hides && seen(element) && element.clientWidth > 1 && element.scrollWidth > element.clientWidth + 1)
            faults.push("cut: " + named(element))
    }
    if (innerWidth <= 640) for (const area of document.querySelectorAll(".table-scroll"))
        if (seen(area) && area.scrollWidth > area.clientWidth + 1) faults.push("scrolls on a phone: " + named(area))
    for (const target of document.querySelectorAll("main :is(a, button, summary, input, select, textarea)")) {
        if (!seen(target) || target.type === "hidden") continue
        const words = [...target.parentElement.childNodes].some((node) => node.nodeType === 3 && node.data.trim())
        target.scrollIntoView({ block: "center", inline: "center" })
        const box = target.getBoundingClientRect()
        const isInSentence = words && target.localName === "a"
        if (!isInSentence && (box.height < 24 || box.width < 24)) faults.push(`${box.height} high: ` + named(target))
        const there = document.elementFromPoint(box.x + Math.min(box.width / 2, 8), box.y + box.height / 2)
        if (!there || !(target.contains(there) || there.contains(target) || isInSentence))
            faults.push("not reached: " + named(target) + (there ? " under " + named(there) : ""))
    }
    return faults
}"""

# Returns the cells whose label is not the beginning of their column's heading.
WRONG_LABELS = """() => [...document.querySelectorAll(".table:has([data-label])")].flatMap((table) => {
    const headings = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim().replace(/\\s+/g, " "))
    return [...table.tBodies[0].rows].filter((row) => row.cells.length === headings.length).flatMap((row) =>
        [...row.cells].filter((cell, at) => cell.localName === "td" && !headings[at].startsWith(cell.dataset.label))
            .map((cell) => cell.outerHTML.slice(0, 100)))
})"""


@pytest.fixture
def addresses() -> list[str]:
    """Fill every page with rows, and return the addresses of all pages."""
    factories.use_red_classifier()
    run = make_run(ago=1, uploads=1_234_567, state="interrupted", work_left=None)
    task = factories.make_task(score=0.5)
    factories.make_upload(external_id="x" * 300, status="quarantined", quarantine_reason="truncated")
    screening = factories.make_screening(score=0.1)
    shadow = factories.make_shadow()
    factories.make_shadow_score(screening, shadow, 0.9)
    hash_list = factories.make_hash_list(name="a list with quite a long name")
    entry = factories.make_entry(hash_list, bytes(32))
    factories.make_match(entry)
    make_ledger_day(days_ago=3, bins={2: 90, 60: 10})
    version = PolicyVersion.objects.filter(state="retired").earliest("pk")
    arguments: dict[str, list[object]] = {
        "upload": [screening.upload.pk],
        "report_upload": [screening.upload.pk],
        "appeal_upload": [screening.upload.pk],
        "duplicates": [task.upload.pk],
        "shadow": [shadow.pk],
        "run": [run.pk],
        "hash_list": [hash_list.pk],
        "hash_entry": [hash_list.pk, entry.pk],
        "thresholds_roll_back": [version.pk],
        "policy_rules": [version.policy.slug],
    }
    names = {name for by_method in OPENS.values() for name in by_method.get("GET", "").split()}
    pages = names - NO_PAGES - set(OPENS["token"]["GET"].split())
    return ["/api/v1/docs", *sorted(reverse(name, args=arguments.get(name)) for name in pages)]


def windows(page: Page) -> Iterator[str]:
    """Give the page each of the sizes."""
    for name, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        yield name


def faults(window: Visit, addresses: list[str], script: str) -> list[str]:
    found = []
    for address in addresses:
        page = window.open(address)
        page.wait_for_load_state("networkidle")
        for size in windows(page):
            found += [f"{address} at {size}: {fault}" for fault in page.evaluate(script)]
        page.close()
    return found


def without_refusals(window: Visit) -> None:
    """Forget that pages were refused (403, 404): the page that says so is looked at as well."""
    window.problems = [problem for problem in window.problems if "status of 40" not in problem]


@pytest.mark.parametrize("group", ["admin", "lead"])
def test_everything_is_reached_and_nothing_is_cut(
    visit: Callable[..., Visit], addresses: list[str], group: str
) -> None:
    window = visit(factories.make_user(group=group))
    opened = [address for address in addresses if not address.startswith("/admin/")]
    found = faults(window, opened, FAULTS)
    without_refusals(window)
    assert "\n".join(found) == ""


def test_on_phones_each_cell_has_the_heading_of_its_column(visit: Callable[..., Visit], addresses: list[str]) -> None:
    window = visit(factories.make_user(group="admin"))
    opened = [address for address in addresses if not address.startswith(("/admin/", "/api/"))]
    found = []
    for address in opened:
        page = window.open(address)
        found += [f"{address}: {cell}" for cell in page.evaluate(WRONG_LABELS)]
        page.close()
    without_refusals(window)
    assert "\n".join(found) == ""


def test_the_back_office_and_the_page_of_the_api_have_the_header_and_lead_back(
    visit: Callable[..., Visit], addresses: list[str]
) -> None:
    window = visit(User.objects.create_superuser("root", password=factories.PASSWORD))
    lists = [f"/admin/{model._meta.app_label}/{model._meta.model_name}/" for model in admin.site._registry]
    for address in ["/admin/", "/api/v1/docs", *lists]:
        page = window.open(address)
        assert page.locator("#header .brand").get_attribute("href") == "/", address
        for size in windows(page):
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{address} at {size}"
        page.close()
