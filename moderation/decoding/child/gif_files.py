"""GIF files, drawn as browsers draw them: on a transparent canvas. Runs in the decode process.

Pillow fills what a frame leaves uncovered or disposes of with the background colour, which browsers ignore, and
disposes of a frame that does not say how as it did of the frame before.
"""

from PIL import GifImagePlugin, Image

_TO_TRANSPARENT = 2
_CLEAR = (0, 0, 0, 0)


class GifFile(GifImagePlugin.GifImageFile):
    """A GIF file."""

    def _seek(self, frame: int, update_image: bool = True) -> None:  # noqa: FBT001, FBT002 - Pillow's signature
        if frame and update_image:
            self._draw_transparent()
        self.disposal_method = 0
        super()._seek(frame, update_image)
        if update_image and self.disposal_method == _TO_TRANSPARENT and self.dispose_extent:
            left, top, right, bottom = self.dispose_extent
            self.dispose = Image.new("RGBA", (right - left, bottom - top), _CLEAR).im

    def load_end(self) -> None:
        super().load_end()
        extent = self.dispose_extent
        if self.tell() == 0 and extent and extent != (0, 0, *self.size):
            canvas = Image.new("RGBA", self.size)
            canvas.paste(self.convert("RGBA").crop(extent), extent)
            self._become(canvas)

    def _draw_transparent(self) -> None:
        """Draw the current frame with an alpha channel, in which the next one can leave transparent regions."""
        self.load()
        if self.mode != "RGBA":
            self._become(self.convert("RGBA"))

    def _become(self, picture: Image.Image) -> None:
        self.im, self._mode = picture.im, "RGBA"
        self.info.pop("transparency", None)
