"""Take the pictures of docs/screenshots from a demo that `make run` serves: every page, three sizes, light and dark.

Run it as ``.venv/bin/python docs/take_screenshots.py http://localhost:8000 var/accounts.txt docs/screenshots``.
"""

import io
import sys
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tests import chromium

SIZES = ((1440, 900), (1024, 768), (390, 844))
SCHEMES = ("dark", "light")


def nothing(page: Page) -> None:
    """The page as it comes."""


def first_task(page: Page) -> None:
    page.wait_for_selector("#task img")


def revealed(page: Page) -> None:
    first_task(page)
    page.keyboard.down("Space")
    page.wait_for_timeout(900)


def reasons(page: Page) -> None:
    first_task(page)
    page.keyboard.press("r")
    page.wait_for_timeout(300)


def decided(page: Page) -> None:
    first_task(page)
    page.keyboard.press("a")
    page.wait_for_selector(".toast")
    page.wait_for_timeout(400)


def first_upload(page: Page) -> None:
    page.click("main table a, main .uploads a")
    page.wait_for_load_state()


def first_run(page: Page) -> None:
    page.click("main table a")
    page.wait_for_load_state()


def propose(page: Page) -> None:
    page.fill("input[name=low]", "0.25")
    page.fill("input[name=high]", "0.80")
    page.wait_for_timeout(1500)


Shot = tuple[str, str, str, Callable[[Page], None]]
SHOTS: list[Shot] = [
    ("", "sign-in", "/accounts/login/", nothing),
    ("moderator", "review", "/", first_task),
    ("moderator", "revealed", "/", revealed),
    ("moderator", "reasons", "/", reasons),
    ("moderator", "decided", "/", decided),
    ("moderator", "keys", "/keys/", nothing),
    ("lead", "quarantine", "/quarantine/", nothing),
    ("admin", "thresholds", "/thresholds/", nothing),
    ("admin", "thresholds-proposed", "/thresholds/", propose),
    ("admin", "history", "/thresholds/history/", nothing),
    ("admin", "uploads", "/uploads/", nothing),
    ("admin", "upload", "/uploads/", first_upload),
    ("admin", "send", "/uploads/new/", nothing),
    ("admin", "runs", "/runs/", nothing),
    ("admin", "run", "/runs/", first_run),
]


def main(url: str, accounts: Path, target: Path) -> None:
    passwords = dict(line.split() for line in accounts.read_text().splitlines())
    target.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.ensure(), args=chromium.ARGUMENTS)
        for who in ("", "moderator", "lead", "admin"):
            state = None
            if who:
                context = browser.new_context()
                sign_in(context.new_page(), url, who, passwords[who])
                state = context.storage_state()
            for width, height in SIZES:
                for scheme in SCHEMES:
                    context = browser.new_context(
                        storage_state=state, color_scheme=scheme, viewport={"width": width, "height": height}
                    )
                    for _, name, path, prepare in [shot for shot in SHOTS if shot[0] == who]:
                        page = context.new_page()
                        page.goto(url + path)
                        prepare(page)
                        keep(page, target / f"{name}-{width}-{scheme}.webp", whole=who == "admin")
                        page.close()
                    context.close()
        browser.close()


def sign_in(page: Page, url: str, username: str, password: str) -> None:
    page.goto(f"{url}/accounts/login/")
    page.fill("input[name=login]", username)
    page.fill("input[name=password]", password)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{url}/")


def keep(page: Page, path: Path, *, whole: bool) -> None:
    picture = Image.open(io.BytesIO(page.screenshot(full_page=whole)))
    picture.convert("RGB").save(path, quality=82, method=6)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
