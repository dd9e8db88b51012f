"""Pictures as Chromium draws them, frame by frame, to compare renditions with."""

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Route

#: A page of a secure origin, which alone may use the decoder; nothing leaves the browser.
_ORIGIN = "https://pictures.example"
#: Draws each frame on white, in sRGB, and returns PNG files in base64.
_DRAW = """async ([type, most]) => {
  const data = await (await fetch("/picture")).arrayBuffer();
  const decoder = new ImageDecoder({ data, type, preferAnimation: true });
  await decoder.tracks.ready;
  await decoder.completed.catch(() => null);
  const drawn = [];
  for (let index = 0; index < Math.min(most, decoder.tracks.selectedTrack.frameCount); index += 1) {
    const { image } = await decoder.decode({ frameIndex: index });
    const canvas = new OffscreenCanvas(image.displayWidth, image.displayHeight);
    const context = canvas.getContext("2d");
    context.fillStyle = "white";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(image, 0, 0);
    drawn.push(await (await canvas.convertToBlob()).arrayBuffer());
  }
  return drawn.map((buffer) => new Uint8Array(buffer).toBase64());
}"""
_SHOW = """async () => {
  const image = new Image();
  image.src = "/picture";
  document.body.append(image);
  await image.decode();
  return [image.naturalWidth, image.naturalHeight];
}"""
_PAGE = "<!doctype html><style>body{margin:0}img{display:block}</style>"


class Drawing:
    """One file in Chromium."""

    def __init__(self, browser: Browser, content: bytes, media_type: str) -> None:
        self.media_type = media_type
        self._content = content
        self._page = browser.new_page()
        self._page.route(f"{_ORIGIN}/**", self._answer)
        self._page.goto(f"{_ORIGIN}/")

    def _answer(self, route: Route) -> None:
        if route.request.url.endswith("/picture"):
            route.fulfill(body=self._content, content_type=self.media_type)
        else:
            route.fulfill(body=_PAGE, content_type="text/html")

    def on_page(self) -> Image.Image:
        """Return the picture as a page shows it; the first frame of an animation."""
        width, height = self._page.evaluate(_SHOW)
        self._page.set_viewport_size({"width": width, "height": height})
        return _opened(self._page.screenshot(animations="allow"))

    def frames(self, *, most: int = 20) -> list[Image.Image]:
        """Return the frames of an animation."""
        drawn: list[str] = self._page.evaluate(_DRAW, [self.media_type, most])
        return [_opened(base64.b64decode(each)) for each in drawn]

    def close(self) -> None:
        self._page.close()


@contextmanager
def drawing(browser: Browser, content: bytes, media_type: str) -> Iterator[Drawing]:
    drawn = Drawing(browser, content, media_type)
    yield drawn
    drawn.close()


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return the root mean square difference of two pictures, of 255; 255 for different sizes."""
    if one.size != other.size:
        return 255.0
    values = (np.asarray(each, dtype=np.float64) for each in (one, other))
    return float(np.sqrt(np.square(np.subtract(*values)).mean()))


def _opened(content: bytes) -> Image.Image:
    with Image.open(io.BytesIO(content)) as image:
        return image.convert("RGB")
