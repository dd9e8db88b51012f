"""A rendition shows what Chromium draws of the same file, whatever the file's metadata say."""

import io
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser

from moderation.decoding.sandbox import Sandbox
from tests.browser.drawing import difference, drawing
from tests.moderation.decoding.odd_files import ODD_FILES
from tests.moderation.decoding.pictures import render

pytestmark = pytest.mark.browser

#: Of 255, root mean square; a rendition is a JPEG file.
MOST = 8.0


def rendition(path: Path, *, frame: int = 0) -> Image.Image:
    with Sandbox() as sandbox:
        return Image.open(io.BytesIO(render(sandbox, path, frame=frame).clear))


@pytest.mark.parametrize("name", ODD_FILES)
def test_a_rendition_shows_what_a_page_shows(name: str, browser: Browser, tmp_path: Path) -> None:
    media_type, make = ODD_FILES[name]
    (tmp_path / "a").write_bytes(make())
    with drawing(browser, make(), media_type) as drawn:
        assert difference(drawn.on_page(), rendition(tmp_path / "a")) <= MOST


@pytest.mark.parametrize("name", [name for name in ODD_FILES if name.startswith("animated")])
def test_every_frame_is_composed_as_in_the_browser(name: str, browser: Browser, tmp_path: Path) -> None:
    media_type, make = ODD_FILES[name]
    (tmp_path / "a").write_bytes(make())
    with drawing(browser, make(), media_type) as drawn:
        frames = drawn.frames()
    assert len(frames) == 2
    for number, frame in enumerate(frames):
        assert difference(frame, rendition(tmp_path / "a", frame=number)) <= MOST
