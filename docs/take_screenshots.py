"""Take the pictures of docs/screenshots from a demo that `make run` serves: every page, three sizes, light and dark.

Run it as ``.venv/bin/python docs/take_screenshots.py http://localhost:8000 var/accounts.txt docs/screenshots``; it
writes docs/pages.md as well. Before that, so that the pages of a shadow show one: ``manage.py classifiers quantize
open_nsfw --calibrate demo --name open_nsfw-8bit``, ``manage.py classifiers shadow open_nsfw-8bit --policy
adult-content``, ``manage.py prescreen --shadows``. And for hash lists: ``manage.py hashlists create partners --policy
adult-content --kind known-bad ...``, ``hashlists import`` of some hashes (``hashlists check`` tells those of files),
``ingest demo --source try``, ``prescreen``.
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


def first_link(page: Page) -> None:
    page.click("main table a")
    page.wait_for_load_state()


@dataclass(frozen=True)
class Shot:
    """One page as ``who`` sees it; ``prepare`` brings it into the state that is shown."""

    who: str
    name: str
    title: str
    path: str
    prepare: Callable[[Page], None] = nothing


SHOTS = [
    Shot("", "sign-in", "Signing in", "/accounts/login/"),
    Shot("moderator", "review", "The queue: blurred until it is revealed", "/", first_task),
    Shot("moderator", "revealed", "Revealed, while Space is held", "/", revealed),
    Shot("moderator", "reasons", "Rejecting: the policy's reasons", "/", reasons),
    Shot("moderator", "decided", "Decided: the score now, and a way back", "/", decided),
    Shot("moderator", "keys", "Keys: remap them, or switch them off", "/keys/"),
    Shot("lead", "quarantine", "Quarantine: what could not be read safely", "/quarantine/"),
    Shot("lead", "appeals", "Reports and appeals", "/appeals/"),
    Shot("admin", "thresholds", "Thresholds", "/thresholds/"),
    Shot("admin", "thresholds-proposed", "What a proposed pair would do", "/thresholds/", propose),
    Shot("admin", "history", "History and roll back", "/thresholds/history/"),
    Shot("admin", "gold", "Gold items: what moderators miss", "/thresholds/gold/"),
    Shot("admin", "shadow", "A classifier in the shadow", "/thresholds/shadows/", first_link),
    Shot("admin", "hash-lists", "Hash lists", "/hash-lists/"),
    Shot("admin", "hash-list", "One list, and what it decided", "/hash-lists/", first_link),
    Shot("admin", "runs", "Runs of the pre-screen", "/runs/"),
    Shot("admin", "run", "One run, and how things stand", "/runs/", first_link),
    Shot("admin", "uploads", "Uploads", "/uploads/"),
    Shot("admin", "upload", "One upload, with everything that happened to it", "/uploads/", first_upload),
    Shot("admin", "send", "Sending images in", "/uploads/new/"),
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

Each at 1440 x 900, 1024 x 768 and 390 x 844, dark and light, from the demo that `make run` loads; pages of admins are
shown whole. `docs/take_screenshots.py` takes them again.
"""


def pages() -> str:
    """docs/pages.md: each page large, and links to it at every size."""
    return "\n".join([ABOUT, *(section(shot) for shot in SHOTS)])


def section(shot: Shot) -> str:
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
