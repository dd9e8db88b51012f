"""Find Chromium, or install it: with apt as root, otherwise by Playwright's download. Exits if neither works.

``make test`` first runs ``python -m tests.chromium --ensure``.
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
    """Return the path of an installed Chromium, preferring the system's to Playwright's."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
    return str(own) if own.exists() else None


def install() -> str | None:
    """Install Chromium with apt as root, otherwise with Playwright; print which, and return its path."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        sys.stdout.write("Chromium is missing: installing Debian's package.\n")
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        subprocess.run(["apt-get", "install", "-qq", "--yes", "chromium"], check=False)
    else:
        sys.stdout.write("Chromium is missing: Playwright downloads its own.\n")
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    return find()


def ensure() -> str:
    """Return the path of Chromium, installing it if necessary; exit with a message if that fails."""
    path = find() or install()
    if path is None:
        sys.exit(
            "The browser tests need Chromium, and it could not be installed. Run 'apt-get install chromium' as root "
            f"or '{sys.executable} -m playwright install chromium', then 'make test' again."
        )
    return path


if __name__ == "__main__":
    ensure()
