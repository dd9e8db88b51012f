"""Find Chromium, or bring it here: apt as root, else Playwright's own download. Never skipped in silence.

``python -m tests.chromium --ensure`` is what ``make test`` calls first.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
]


def find() -> str | None:
    """The path of a Chromium that can be started, the system's before Playwright's."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
    return str(own) if own.exists() else None


def install() -> str | None:
    """Install Chromium the way that this machine allows, and say what is done."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        sys.stdout.write("Chromium is missing: installing Debian's package.\n")
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        subprocess.run(["apt-get", "install", "-qq", "--yes", "chromium"], check=False)
    else:
        sys.stdout.write("Chromium is missing: Playwright downloads its own.\n")
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    return find()


def ensure() -> str:
    path = find() or install()
    if path is None:
        sys.exit(
            "The browser tests need Chromium, and it could not be installed. Run 'apt-get install chromium' as root "
            f"or '{sys.executable} -m playwright install chromium', then 'make test' again."
        )
    return path


if __name__ == "__main__":
    ensure()
