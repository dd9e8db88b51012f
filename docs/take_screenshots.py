"""Take the screenshots of docs/screenshots from a demo that `make run` serves: every page, three sizes, light and dark.

Run it as ``.venv/bin/python docs/take_screenshots.py http://localhost:8000 var/accounts.txt docs/screenshots``. It also
writes docs/pages.md. Prepare the pages first:

* Shadow mode: ``manage.py classifiers quantize open_nsfw --calibrate demo --name open_nsfw-8bit``, ``manage.py
  classifiers shadow open_nsfw-8bit --policy adult-content``, ``manage.py prescreen --shadows``.
* Hash lists: ``manage.py hashlists create partners --policy adult-content --kind known-bad ...``, ``hashlists import``
  of some hashes (``hashlists check`` prints those of files), ``ingest demo --source try``, ``prescreen``.
"""

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tests import chromium

SIZES = ((1440, 900), (1024, 768), (390, 844))
SCHEMES = ("dark", "light")


def unchanged(page: Page) -> None:
    """Leave the page as it is loaded."""


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
    revealed(page)
    page.keyboard.up("Space")
    page.keyboard.press("a")
    page.wait_for_selector("#toast .why a")  # once the verdict is in effect
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


def first_link(page: Page) -> None:
    page.click("main table a")
    page.wait_for_load_state()


@dataclass(frozen=True)
class Screenshot:
    """One page as ``who`` sees it. ``prepare`` brings it into the state to show."""

    who: str
    name: str
    title: str
    path: str
    prepare: Callable[[Page], None] = unchanged


SHOTS = [
    Screenshot("", "sign-in", "Signing in", "/accounts/login/"),
    Screenshot("moderator", "review", "The queue: blurred until it is revealed", "/", first_task),
    Screenshot("moderator", "revealed", "Revealed, while Space is held", "/", revealed),
    Screenshot("moderator", "reasons", "Rejecting: the policy's reasons", "/", reasons),
    Screenshot("moderator", "decided", "Decided: the score is shown, and Undo", "/", decided),
    Screenshot("moderator", "keys", "Keys: remap them, or switch them off", "/keys/"),
    Screenshot("lead", "quarantine", "Quarantine: uploads that could not be read safely", "/quarantine/"),
    Screenshot("lead", "appeals", "Reports and appeals", "/appeals/"),
    Screenshot("admin", "thresholds", "Thresholds", "/thresholds/"),
    Screenshot("admin", "thresholds-proposed", "The effect of a proposed pair", "/thresholds/", propose),
    Screenshot("admin", "history", "History and roll back", "/thresholds/history/"),
    Screenshot("admin", "gold", "Gold items: the share that moderators miss", "/thresholds/gold/"),
    Screenshot("admin", "shadow", "A classifier in shadow mode", "/thresholds/shadows/", first_link),
    Screenshot("admin", "hash-lists", "Hash lists", "/hash-lists/"),
    Screenshot("admin", "hash-list", "One list, and its matches", "/hash-lists/", first_link),
    Screenshot("admin", "runs", "Runs of the pre-screen", "/runs/"),
    Screenshot("admin", "run", "One run, and its report", "/runs/", first_link),
    Screenshot("admin", "uploads", "Uploads", "/uploads/"),
    Screenshot("admin", "upload", "One upload, with its history", "/uploads/", first_upload),
    Screenshot("admin", "send", "Sending images in", "/uploads/new/"),
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
                    for shot in (shot for shot in SHOTS if shot.who == who):
                        page = context.new_page()
                        page.goto(url + shot.path)
                        shot.prepare(page)
                        keep(page, target / f"{shot.name}-{width}-{scheme}.webp", whole=who == "admin")
                        page.close()
                    context.close()
        browser.close()
    (target.parent / "pages.md").write_text(pages())


def sign_in(page: Page, url: str, username: str, password: str) -> None:
    page.goto(f"{url}/accounts/login/")
    page.fill("input[name=login]", username)
    page.fill("input[name=password]", password)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{url}/")


def keep(page: Page, path: Path, *, whole: bool) -> None:
    picture = Image.open(io.BytesIO(page.screenshot(full_page=whole)))
    picture.convert("RGB").save(path, quality=82, method=6)


ABOUT = """# The pages

Every page of the demo that `make run` loads, at 1440 x 900, 1024 x 768 and 390 x 844, dark and light. Pages of admins
are shown at full length. `docs/take_screenshots.py` takes the screenshots again.
"""


def pages() -> str:
    """Return docs/pages.md: each page large, with links to every size."""
    return "\n".join([ABOUT, *(section(shot) for shot in SHOTS)])


def section(shot: Screenshot) -> str:
    sizes = [width for width, _ in SIZES]
    rows = [
        " | ".join(f"[{scheme}](screenshots/{shot.name}-{width}-{scheme}.webp)" for width in sizes)
        for scheme in SCHEMES
    ]
    return "\n".join(
        [
            f"## {shot.title}\n",
            f"![{shot.title}, dark](screenshots/{shot.name}-1440-dark.webp)\n",
            f"| {' | '.join(map(str, sizes))} |",
            "|---" * len(sizes) + "|",
            *(f"| {row} |" for row in rows),
            "",
        ]
    )


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
