"""axe-core finds nothing serious on any page of the queue, in dark and in light, wide and narrow."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from moderation.models import User
from tests import factories
from tests.browser.conftest import Visit, look, make_tasks, settleable
from tests.moderation.reporting.runs import make_ledger_day, make_run

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
DESK = {"viewport": {"width": 1440, "height": 900}}


@pytest.fixture(params=["dark", "light"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_the_queue(
    visit: Callable[..., Visit], serious: Callable[[Page], list[str]], scheme: str, size: dict[str, object]
) -> None:
    make_tasks(2)
    page = visit(factories.make_user(), color_scheme=scheme, **size).open()
    expect(page.locator("#stage-title")).to_be_visible()
    assert serious(page) == []
    page.locator("summary.reject").click()
    assert serious(page) == []
    settleable(page)
    page.locator("#reasons button").first.click()
    expect(page.locator("#question")).to_contain_text("You have not looked at this upload.")
    assert serious(page) == []
    settleable(page, place="question")
    page.get_by_role("button", name="Reject unseen").click()
    expect(page.locator("#toast")).to_contain_text("Rejected")
    assert serious(page) == []
    settleable(page)
    look(page)
    page.locator("#verdicts .approve").click()
    # A rejected audit waits for a second opinion, which is not this person's to give.
    expect(page.locator("#empty h1")).to_have_text(re.compile("Nothing is waiting|need another person"))
    assert serious(page) == []


@pytest.mark.parametrize("path", ["/quarantine/", "/keys/", "/no-such-page/"])
def test_the_other_pages(
    visit: Callable[..., Visit], serious: Callable[[Page], list[str]], scheme: str, path: str
) -> None:
    factories.make_upload(status="quarantined", quarantine_reason="truncated", quarantine_detail="after 12 bytes")
    window = visit(factories.make_user(group="lead"), color_scheme=scheme, **PHONE)
    page = window.open(path)
    expect(page.locator("h1").first).to_be_visible()
    assert serious(page) == []
    page.locator(".phone-menu summary").click()
    assert serious(page) == []
    window.problems = [problem for problem in window.problems if "status of 404" not in problem]


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_the_runs(
    visit: Callable[..., Visit], serious: Callable[[Page], list[str]], scheme: str, size: dict[str, object]
) -> None:
    run = make_run(ago=1, uploads=1234567, state="interrupted", work_left=None, counts={"quarantined:truncated": 3})
    make_ledger_day(days_ago=1 / 24, bins={2: 40, 60: 10})
    make_ledger_day(days_ago=3, bins={2: 90, 60: 10})
    window = visit(factories.make_user(group="operator"), color_scheme=scheme, **size)
    for path in ("/runs/", run.get_absolute_url()):
        page = window.open(path)
        expect(page.locator("h1").first).to_contain_text("Run")
        assert serious(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_nothing_is_wider_than_the_screen(visit: Callable[..., Visit], size: dict[str, object]) -> None:
    make_tasks(1)
    factories.make_upload(external_id="x" * 300, status="quarantined", quarantine_reason="truncated")
    window = visit(factories.make_user(group="lead"), **size)
    for path in ("/", "/quarantine/", "/keys/"):
        page = window.open(path)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path


@pytest.mark.parametrize("path", ["/api/v1/docs", "/admin/", "/admin/moderation/user/", "/thresholds/history/"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_the_pages_of_admins(
    visit: Callable[..., Visit], serious: Callable[[Page], list[str]], scheme: str, size: dict[str, object], path: str
) -> None:
    root = User.objects.create_superuser("root", password=factories.PASSWORD)
    assert serious(visit(root, color_scheme=scheme, **size).open(path)) == []
