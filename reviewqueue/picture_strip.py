"""The pictures of a task as its page shows them: one at a time, the worst first, above a strip of blurred ones."""

from dataclasses import dataclass

from django.urls import reverse

from moderation.models import ReviewTask
from moderation.models.frames import BLURRED, CLEAR, FULL, FrameView
from reviewqueue.score_text import APPEARANCES


@dataclass(frozen=True, kw_only=True)
class Outline:
    """A part of a picture, in pixels, for an SVG whose view box is the whole picture."""

    view_box: str
    x: int
    y: int
    width: int
    height: int

    @classmethod
    def of(cls, view: FrameView) -> "Outline | None":
        if view.outline is None or view.size is None:
            return None
        (width, height), (left, top, right, bottom) = view.size, view.outline
        return cls(
            view_box=f"0 0 {width} {height}",
            x=round(left * width),
            y=round(top * height),
            width=round((right - left) * width),
            height=round((bottom - top) * height),
        )


@dataclass(frozen=True, kw_only=True)
class StripItem:
    """One picture of the strip. ``number`` counts from 1, the worst first."""

    task: ReviewTask
    view: FrameView
    number: int
    count: int

    @property
    def outline(self) -> Outline | None:
        return Outline.of(self.view)

    @property
    def size(self) -> str:
        """Width and height in pixels, "1080 8000"; empty where they were not kept."""
        return "{} {}".format(*self.view.size) if self.view.size else ""

    @property
    def blurred(self) -> str:
        return self._url(BLURRED)

    @property
    def clear(self) -> str:
        return self._url(CLEAR)

    @property
    def full(self) -> str:
        """The picture with its own pixels, which is made when it is first asked for."""
        return self._url(FULL)

    @property
    def name(self) -> str:
        """The text for people who cannot see it: "This upload", or "This upload, picture 2 of 16: frame 212"."""
        return f"This upload, picture {self.place}" if self.count > 1 else "This upload"

    @property
    def place(self) -> str:
        return f"{self.number} of {self.count}: {self.subject}"

    @property
    def subject(self) -> str:
        """The frame and its appearance: "frame 212 of 300, on black where it is transparent"."""
        frames = self.task.upload.file.frames or 1
        frame = f"frame {self.view.frame + 1} of {frames}" if frames > 1 else ""
        shown = APPEARANCES[self.view.appearance] if self.view.appearance or not frame else ""
        return ", ".join(filter(None, (frame, shown)))

    def _url(self, variant: str) -> str:
        return reverse("rendition", args=[self.task.claim_token, self.number, variant])


@dataclass(frozen=True, kw_only=True)
class PictureStrip:
    """The pictures of a task that are in storage, and the chosen one."""

    pictures: list[StripItem]
    picture: StripItem

    @classmethod
    def of(cls, task: ReviewTask, *, chosen: str = "") -> "PictureStrip | None":
        """Build the strip of ``task``. ``chosen`` is a picture's number; any other text chooses the first.

        Returns:
            None where the worst picture is not in storage: nobody could decide by the others.
        """
        worst, *others = task.ranked_frames
        sha256 = task.upload.file.sha256
        if not worst.is_rendered(sha256):
            return None
        views = [worst, *(view for view in others if view.is_rendered(sha256))]
        numbered = enumerate(views, start=1)
        pictures = [StripItem(task=task, view=view, number=number, count=len(views)) for number, view in numbered]
        picture = next((each for each in pictures if str(each.number) == chosen), pictures[0])
        return cls(pictures=pictures, picture=picture)

    @property
    def has_outlines(self) -> bool:
        return any(picture.outline for picture in self.pictures)

    @property
    def previous(self) -> int:
        """The number before the chosen one; the last number for the first picture."""
        return (self.picture.number - 2) % len(self.pictures) + 1

    @property
    def next(self) -> int:
        return self.picture.number % len(self.pictures) + 1
