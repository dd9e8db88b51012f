"""AVIF files with the encoding of their colours, which Pillow does not report. Runs in the decode process."""

from PIL import AvifImagePlugin

from moderation.decoding.child.media_boxes import Box, primary_properties, read_boxes, stated_encoding


class AvifFile(AvifImagePlugin.AvifImageFile):
    """An AVIF file. ``encoding`` is that of its primary picture, or of its animation."""

    def _open(self) -> None:
        assert self.fp is not None
        start = self.fp.tell()
        file = self.fp.read()
        self.fp.seek(start)
        super()._open()
        boxes = list(read_boxes(file))
        self.encoding = stated_encoding(_film(boxes) if self.is_animated else primary_properties(file, boxes), file)


def _film(boxes: list[Box]) -> list[Box]:
    return [box for box in boxes if box.path[0] == b"moov"]
