"""Chromium against a live server on real PostgreSQL."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.db import connections
from django.test import Client, override_settings
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from moderation.models import ReviewTask, User
from tests import factories

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
]

# Milliseconds. Five seconds, which Playwright waits by itself, are short on a busy machine.
PATIENCE = 60_000
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session", autouse=True)
def plain_static_files() -> Iterator[None]:
    """Serve static files from the source tree. The live server decides when it starts, before ``plain_settings``."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    with override_settings(STORAGES=settings.STORAGES | {"staticfiles": plain}):
        yield


@dataclass
class Visit:
    """A browser window of one person, and everything that went wrong in it."""

    context: BrowserContext
    address: str
    problems: list[str] = field(default_factory=list)

    def open(self, path: str = "/") -> Page:
        page = self.context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.goto(self.address + path)
        return page

    def _note(self, message: ConsoleMessage) -> None:
        """Keep what Chromium complains of, but for answers that the page shows or has left behind already."""
        answered = any(f"status of {status}" in message.text for status in (409, 422))
        # Somebody decided before the picture was asked for: its claim is over then, and so is its place on the page.
        outrun = "status of 403" in message.text and "/images/blurred/" in message.location["url"]
        if message.type in {"error", "warning"} and not answered and not outrun:
            self.problems.append(message.text)


@pytest.fixture
def visit(browser: Browser, live_server: object, transactional_db: None) -> Iterator[Callable[..., Visit]]:
    """Open a window as somebody who is signed in."""
    visits: list[Visit] = []

    def as_user(user: User, **options: object) -> Visit:
        context = browser.new_context(**({"viewport": {"width": 1280, "height": 800}} | options))  # type: ignore[arg-type]
        client = Client()
        client.force_login(user)
        session = client.cookies["sessionid"].value
        context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])  # type: ignore[attr-defined]
        visits.append(Visit(context=context, address=live_server.url))  # type: ignore[attr-defined]
        return visits[-1]

    yield as_user
    for made in visits:
        for page in made.context.pages:
            # A request that is still under way would meet a server whose settings are put back.
            page.wait_for_load_state("networkidle")
        made.context.close()
    assert [problem for made in visits for problem in made.problems] == []
    # The live server's threads keep theirs open, and PostgreSQL drops no database that somebody is connected to.
    connections.close_all()


@pytest.fixture
def serious() -> Callable[[Page], list[str]]:
    """What axe-core finds serious or critical on a page."""
    axe = Axe()

    def look(page: Page) -> list[str]:
        found = axe.run(page).response["violations"]
        return [
            f"{rule['id']}: {rule['nodes'][0]['html']}" for rule in found if rule["impact"] in {"serious", "critical"}
        ]

    return look


# Milliseconds between two looks at the page, and their number.
WAIT, WAITS = 50, 400
# Milliseconds after the paint of a task in which no key and no click settles it.
TOO_SOON = 300


def title(page: Page, task: ReviewTask) -> None:
    """Wait until ``task`` is on the stage and can be settled."""
    named(page, task)
    settleable(page)


def named(page: Page, task: ReviewTask) -> None:
    """Wait until ``task`` is on the stage, where no JavaScript guards its buttons."""
    for _ in range(WAITS):
        token = ReviewTask.objects.values_list("claim_token", flat=True).get(pk=task.pk)
        if page.locator(f'[action="/claims/{token}/skip/"]').count():
            return
        page.wait_for_timeout(WAIT)
    raise AssertionError(f"{task} is not on the stage.")


def settleable(page: Page, *, place: str = "workplace") -> None:
    """Wait until the buttons of ``place`` have been on the screen for long enough."""
    page.wait_for_function("id => performance.now() >= Number(document.getElementById(id)?.dataset.readyAt)", arg=place)


def shows(page: Page, state: str) -> None:
    """Wait until the picture is ``state``: blurred or clear."""
    expect(page.locator("#stage")).to_have_attribute("data-state", state)


def look(page: Page) -> None:
    """Reveal the picture and blur it again, as everybody does before a verdict."""
    button = page.locator("#reveal button")
    button.click()
    shows(page, "clear")
    button.click()
    shows(page, "blurred")


def make_tasks(number: int) -> list[ReviewTask]:
    tasks = [factories.make_task(score=(0.05, 0.5, 0.93)[count % 3]) for count in range(number)]
    for task in tasks:
        factories.make_renditions(task)
    return tasks
