"""Sending files in Chromium: the limits hold before a byte is sent, and each file gets its outcome."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from moderation.models import Upload
from tests import factories
from tests.browser.conftest import Visit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def keep(page: Page, name: str) -> None:
    """Save a picture of the page in the folder that SCREENSHOTS names, if any."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def choose(page: Page, *files: tuple[str, bytes]) -> None:
    page.set_input_files(
        "input[type=file]", [{"name": name, "mimeType": "", "buffer": content} for name, content in files]
    )


@pytest.fixture
def operator(visit: Callable[..., Visit], transactional_db: None) -> Callable[..., Page]:
    def open_page(**options: object) -> Page:
        return visit(factories.make_user(group="operator"), **options).open("/uploads/new/")

    return open_page


@pytest.mark.parametrize("size", [{}, PHONE], ids=["desk", "phone"])
def test_too_many_files_are_refused_before_they_are_sent(
    operator: Callable[..., Page], serious: Callable[[Page], list[str]], size: dict[str, object]
) -> None:
    page = operator(**size)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.method))
    choose(page, *((f"{number}.png", b"x") for number in range(101)))
    expect(page.get_by_role("alert").filter(has_text="Found 101 files; at most 100")).to_be_visible()
    page.get_by_role("button", name="Send images").click()
    expect(page.get_by_role("alert").filter(has_text="Nothing was sent.")).to_be_visible()
    assert "POST" not in requests
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert serious(page) == []
    keep(page, f"send-too-many-{page.viewport_size['width']}")


def test_a_file_that_is_too_large_is_named_before_it_is_sent(operator: Callable[..., Page], settings: object) -> None:
    settings.UPLOAD_MAX_BYTES = 1_000_000  # type: ignore[attr-defined]
    page = operator()
    choose(page, ("large.png", bytes(1_500_000)), ("small.png", b"x"))
    expect(page.get_by_text("large.png (1.5 MB); at most 1 MB each are accepted.")).to_be_visible()
    choose(page, ("small.png", b"x"))
    expect(page.get_by_text("at most 1 MB each are accepted")).to_be_hidden()


def test_progress_is_shown_and_each_file_has_its_outcome(operator: Callable[..., Page]) -> None:
    page = operator()
    page.evaluate("""() => {
      window.seen = [];
      new MutationObserver(() => window.seen.push(document.querySelector("[data-sending-text]")?.textContent))
        .observe(document.body, { subtree: true, childList: true });
    }""")
    picture = factories.image_bytes()
    choose(page, ("a.png", picture), ("notes.txt", b"hello"), ("b.png", factories.image_bytes((9, 9, 9))))
    page.get_by_role("button", name="Send images").click()
    rows = page.get_by_role("heading", name="Outcome of 3 files").locator("xpath=..").get_by_role("listitem")
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_contain_text("received")
    expect(rows.nth(1)).to_contain_text("This is a plain text file.")
    assert any("sent" in text for text in page.evaluate("window.seen") if text)
    assert Upload.objects.count() == 2
    keep(page, "send-outcomes")
