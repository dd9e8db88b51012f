"""Chromium against a live server on real PostgreSQL."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.db import connections
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, Response, sync_playwright

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


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Visit:
    """A browser window of one person, and everything that went wrong in it."""

    context: BrowserContext
    address: str
    problems: list[str] = field(default_factory=list)
    images: list[Response] = field(default_factory=list)

    def open(self, path: str = "/") -> Page:
        page = self.context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: self._note(message.type, message.text))
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("response", self.images_of)
        page.goto(self.address + path)
        return page

    def images_of(self, response: Response) -> None:
        if response.request.resource_type == "image":
            self.images.append(response)

    def _note(self, kind: str, text: str) -> None:
        # A 409 or 422 is an answer that the page shows; Chromium calls it an error all the same.
        if kind in {"error", "warning"} and "status of 409" not in text and "status of 422" not in text:
            self.problems.append(text)


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
        made.context.close()
        assert made.problems == []
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


def make_tasks(number: int) -> list[ReviewTask]:
    tasks = [factories.make_task(score=(0.05, 0.5, 0.93)[count % 3]) for count in range(number)]
    for task in tasks:
        factories.make_renditions(task)
    return tasks
