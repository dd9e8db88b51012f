"""Compare renditions with what Chromium draws: the root mean square difference of each file of a folder, of 255.

``python -m benchmarks.browser_pictures FOLDER...`` compares the first frame of each file, and up to twenty frames of
animations. Without a folder it compares the files that the tests compose.
"""

import argparse
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Error, sync_playwright

from moderation.decoding.images import ImageRefused, sniff
from moderation.decoding.rendition_sizes import FULL
from moderation.decoding.sandbox import Sandbox
from moderation.decoding.views import Appearance
from tests.browser.drawing import difference, drawing
from tests.chromium import ARGUMENTS, ensure
from tests.moderation.decoding.odd_files import ODD_FILES

FRAMES = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright, Sandbox() as sandbox:
        browser = playwright.chromium.launch(executable_path=ensure(), args=ARGUMENTS)
        print("| file | page | frames |\n|---|---|---|")
        for path in files(options.folders) if options.folders else composed(Path(folder)):
            print(f"| {path.name} | {compared(browser, sandbox, path)} |", flush=True)
        browser.close()


def files(folders: list[Path]) -> Iterator[Path]:
    for folder in folders:
        yield from (path for path in sorted(folder.rglob("*")) if path.is_file())


def composed(folder: Path) -> Iterator[Path]:
    for name, (_, make) in ODD_FILES.items():
        path = folder / name
        path.write_bytes(make())
        yield path


def compared(browser: Browser, sandbox: Sandbox, path: Path) -> str:
    """Return the cells of one row: the difference on a page, and the greatest one of the frames."""
    content = path.read_bytes()
    media_type = f"image/{(sniff(content[:64]) or 'unknown').lower()}"
    try:
        count = min(FRAMES, sandbox.probe(path).frames)
        with drawing(browser, content, media_type) as drawn:
            page = difference(drawn.on_page(), rendition(sandbox, path, frame=0))
            frames = drawn.frames(most=FRAMES) if count > 1 else []
        several = (difference(frame, rendition(sandbox, path, frame=number)) for number, frame in enumerate(frames))
        return f"{page:.1f} | {max(several, default=page):.1f}"
    except (ImageRefused, Error) as error:
        return f"{str(error).splitlines()[0][:80]} | "


def rendition(sandbox: Sandbox, path: Path, *, frame: int) -> Image.Image:
    (made,) = sandbox.render_all(path, wanted=[(frame, Appearance.PLAIN)], size=FULL)
    with Image.open(io.BytesIO(made.clear)) as image:
        return image.convert("RGB")


if __name__ == "__main__":
    main()
