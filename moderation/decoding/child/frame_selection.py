"""A file -> what a classifier looks at. Runs in the decode process, with one rule for all classifiers of one scale.

First every picture as a whole, up to the plan's bound; later, where the scores ask for it, parts of some of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile

from moderation.decoding.child import frames, pixels, renderings, signals
from moderation.decoding.child.frame_sampling import UNLIKE, Scenes, print_of
from moderation.decoding.child.pdq import pdq_hash
from moderation.decoding.fingerprints import PdqHash
from moderation.decoding.images import DecodeLimits
from moderation.decoding.plan import ViewPlan
from moderation.decoding.preprocessing import Preprocessing, prepare
from moderation.decoding.views import Appearance, Box, Picture, in_pixels

#: Pages of a TIFF or MPO file that are decoded; of more, so many evenly spread.
_MOST_PAGES = 64

#: A picture with its views, one for each preprocessing, uint8 as bytes.
Seen = tuple[Picture, list[bytes]]


@dataclass(slots=True)
class Look:
    """The pictures of a file that were looked at as a whole.

    Attributes:
        measured: signals of the first picture, one mapping for each preprocessing.
        unseen: whether a frame is unlike all that were looked at, or was not even decoded.
        fingerprint: of a file that is one picture and looks the same wherever it is shown; else None.
    """

    seen: list[Seen] = field(default_factory=list)
    measured: list[dict[str, float]] = field(default_factory=list)
    unseen: bool = False
    fingerprint: PdqHash | None = None


@dataclass(frozen=True, slots=True)
class Eye:
    """How files are read for classifiers that look at one scale.

    Attributes:
        side: pixels that a JPEG decoder must keep of both sides while it shrinks; 0 decodes in full.
    """

    preprocessings: Sequence[Preprocessing]
    side: int
    limits: DecodeLimits
    plan: ViewPlan

    def look(self, image: ImageFile.ImageFile, path: Path, *, count: int) -> Look:
        """Look at ``image`` of ``count`` frames; it stands at its first one."""
        if count == 1:
            picture = self.picture(image, path)
            found = Look(self._pictures(image, picture))
            found.measured = self._measured(image, picture, views=found.seen[0][1])
            if len(found.seen) == 1:
                found.fingerprint = pdq_hash(picture)
            return found
        return self._look_through(image, path, count=count)

    def picture(self, image: ImageFile.ImageFile, path: Path) -> Image.Image:
        """The current frame as decoded."""
        if self.side and image.format in ("JPEG", "MPO"):
            return pixels.upright_rgb_draft(path, frame=image.tell(), side=self.side, limits=self.limits)
        return pixels.upright_rgb(image)

    def _look_through(self, image: ImageFile.ImageFile, path: Path, *, count: int) -> Look:
        scenes: Scenes[list[Seen]] = Scenes(most=self.plan.pictures)
        wanted = frames_to_decode(image, count=count)
        found, room = Look(unseen=len(wanted) < count), self.limits.max_pixels_composed
        for frame in wanted:
            pixels.seek(image, frame=frame, limits=self.limits)
            room -= image.width * image.height
            if room < 0 and frame and not frames.is_composed(image):
                found.unseen = True
                break
            self._pass_by(scenes, image, path)
        chosen, radius = scenes.chosen()
        found.seen = [seen for scene in chosen for seen in scene.views]
        found.unseen |= radius >= UNLIKE
        found.measured = [{} for _ in self.preprocessings]
        return found

    def _pass_by(self, scenes: Scenes[list[Seen]], image: ImageFile.ImageFile, path: Path) -> None:
        """One frame; a call of its own, so that its pixels are let go of before the next one is decoded."""
        picture = self.picture(image, path)
        scenes.pass_by(image.tell(), print_of(picture), partial(self._pictures, image, picture))

    def _pictures(self, image: ImageFile.ImageFile, picture: Image.Image) -> list[Seen]:
        """The current frame, plain and as it may else be shown."""
        shown = [(Appearance.PLAIN, picture), *renderings.others(image, picture)]
        full = upright_size(image)
        return [
            (
                Picture(image.tell(), each, *(full if each is not Appearance.PREVIEW else other.size),
                        content=signals.content_box(other)),
                self._views(other),
            )
            for each, other in shown
        ]  # fmt: skip

    def _views(self, picture: Image.Image) -> list[bytes]:
        return [prepare(picture, preprocessing=each).tobytes() for each in self.preprocessings]

    def _measured(
        self, image: ImageFile.ImageFile, picture: Image.Image, *, views: Sequence[bytes]
    ) -> list[dict[str, float]]:
        shared: dict[str, float] = {} if self.side else {"blockiness": signals.blockiness(picture)}
        if (quality := signals.stated_quality(image)) is not None:
            shared["quality"] = quality
        pairs = zip(views, self.preprocessings, strict=True)
        return [{**shared, "sharpness": signals.sharpness(_array(view, each))} for view, each in pairs]


def parts_of(
    image: ImageFile.ImageFile, path: Path, *, wanted: Sequence[tuple[int, int, Sequence[Box]]],
    preprocessing: Preprocessing, limits: DecodeLimits,
) -> Iterator[bytes]:  # fmt: skip
    """Yield the views of parts: for each (frame, appearance, boxes), in the order of the frames."""
    for frame, appearance, boxes in wanted:
        pixels.seek(image, frame=frame, limits=limits)
        size = upright_size(image)
        eye = Eye([preprocessing], _side_of_parts(size, boxes, preprocessing), limits, ViewPlan())
        picture = eye.picture(image, path)
        shown = renderings.show(image, picture, appearance=Appearance(appearance)) or picture
        for box in boxes:
            yield prepare(shown.crop(in_pixels(box, shown.size)), preprocessing=preprocessing).tobytes()


def frames_to_decode(image: ImageFile.ImageFile, *, count: int) -> list[int]:
    """All frames of an animation, which is composed from the first one on anyhow; of pages, a bounded number."""
    if frames.is_composed(image):
        return list(range(count))
    return sampled_frames(count, most=_MOST_PAGES)


def sampled_frames(count: int, *, most: int) -> list[int]:
    """At most ``most`` frame indexes of ``count``, evenly spread, the first and the last among them."""
    if count <= most:
        return list(range(count))
    if most == 1:
        return [0]
    return [round(step * (count - 1) / (most - 1)) for step in range(most)]


def upright_size(image: ImageFile.ImageFile) -> tuple[int, int]:
    """(width, height) of the current frame as people see it."""
    return (image.height, image.width) if pixels.lies_on_its_side(image) else image.size


def _side_of_parts(size: tuple[int, int], boxes: Sequence[Box], preprocessing: Preprocessing) -> int:
    """The side that the whole picture must keep so that the smallest part keeps a draft's least side; 0 for all."""
    smallest = min(min((box[2] - box[0]) * size[0], (box[3] - box[1]) * size[1]) for box in boxes)
    if preprocessing.draft_factor((int(smallest), int(smallest))) == 1:
        return 0
    return int(preprocessing.draft_side * min(size) / smallest)


def _array(view: bytes, preprocessing: Preprocessing) -> np.ndarray:
    width, height = preprocessing.size
    return np.frombuffer(view, dtype=np.uint8).reshape(height, width, 3)
