"""Prepare the pictures of a file for the classifiers that share one scale. Runs in the decode process.

First every picture is prepared as a whole, up to the plan's limit; later, depending on the scores, parts of some.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile

from moderation.decoding.child import frames, orientation, pixels, renderings, signals
from moderation.decoding.child.frame_sampling import UNLIKE, SceneSampler, thumbnail_of
from moderation.decoding.child.picture_hashes import hashes_of
from moderation.decoding.fingerprints import HashedPicture, PdqHash, Reading
from moderation.decoding.images import DecodeLimits
from moderation.decoding.plan import ViewPlan
from moderation.decoding.preprocessing import Preprocessing, prepare
from moderation.decoding.views import Appearance, Box, Picture, in_pixels

#: The most pages of a TIFF or MPO file that are decoded. From longer files, this many are sampled evenly.
_MOST_PAGES = 64

#: A picture with its views, one for each preprocessing, uint8 as bytes, and with its hashes, one for each reading.
PictureViews = tuple[Picture, list[bytes], list[HashedPicture]]


@dataclass(slots=True)
class FrameSet:
    """The pictures of a file that are scored as a whole.

    Attributes:
        measured: signals of the first picture, one mapping for each preprocessing.
        unseen: whether a frame is unlike all ``pictures``, or was not decoded.
        fingerprint: of a file with a single picture that looks the same in every viewer; otherwise None.
    """

    pictures: list[PictureViews] = field(default_factory=list)
    measured: list[dict[str, float]] = field(default_factory=list)
    unseen: bool = False
    fingerprint: PdqHash | None = None

    @property
    def hashes(self) -> list[HashedPicture]:
        return [hashed for _, _, hashes in self.pictures for hashed in hashes]


@dataclass(frozen=True, slots=True)
class FrameReader:
    """Reads files for the classifiers that share one scale.

    Attributes:
        side: pixels that a JPEG decoder must keep of both sides while it shrinks; 0 decodes in full.
    """

    preprocessings: Sequence[Preprocessing]
    side: int
    limits: DecodeLimits
    plan: ViewPlan

    def read(self, image: ImageFile.ImageFile, path: Path, *, count: int) -> FrameSet:
        """Read ``image``, which has ``count`` frames and is at the first one."""
        if count > 1:
            return self._read_frames(image, path, count=count)
        source = self.source(image, path)
        picture = pixels.upright_rgb(source)
        frame_set = FrameSet(self._picture_views(image, source, picture), unseen=frames.has_unread(image))
        frame_set.measured = self._measure(image, picture, views=frame_set.pictures[0][1])
        if all(each.appearance.is_turned for each, _, _ in frame_set.pictures[1:]):
            frame_set.fingerprint = next(each.hash for each in frame_set.hashes if each.reading is Reading.SCALED)
        return frame_set

    def source(self, image: ImageFile.ImageFile, path: Path) -> ImageFile.ImageFile:
        """Return ``image``, or the same frame of the file at a smaller scale."""
        if self.side and image.format in ("JPEG", "MPO"):
            return pixels.draft(path, frame=image.tell(), side=self.side, limits=self.limits)
        return image

    def _read_frames(self, image: ImageFile.ImageFile, path: Path, *, count: int) -> FrameSet:
        sampler: SceneSampler[list[PictureViews]] = SceneSampler(most=self.plan.pictures)
        wanted = frames_to_decode(image, count=count)
        frame_set, room = FrameSet(unseen=len(wanted) < count), self.limits.max_pixels_composed
        for frame in wanted:
            pixels.seek(image, frame=frame, limits=self.limits)
            room -= image.width * image.height
            if room < 0 and frame and not frames.is_composed(image):
                frame_set.unseen = True
                break
            self._add_frame(sampler, image, path)
        chosen, radius = sampler.choose()
        frame_set.pictures = [picture for scene in chosen for picture in scene.views]
        frame_set.unseen |= radius >= UNLIKE
        frame_set.measured = [{} for _ in self.preprocessings]
        return frame_set

    def _add_frame(self, sampler: SceneSampler[list[PictureViews]], image: ImageFile.ImageFile, path: Path) -> None:
        """Add the current frame. This is a separate call so that its pixels are freed before the next is decoded."""
        source = self.source(image, path)
        picture = pixels.upright_rgb(source)
        sampler.add(image.tell(), thumbnail_of(picture), partial(self._picture_views, image, source, picture))

    def _picture_views(
        self, image: ImageFile.ImageFile, source: ImageFile.ImageFile, picture: Image.Image
    ) -> list[PictureViews]:
        """Return the current frame as browsers show it, and in each other appearance that differs.

        ``source`` is ``image``, perhaps at a smaller scale, and ``picture`` what browsers show of it.
        """
        shown = [(Appearance.PLAIN, picture), *renderings.differing_renderings(source, picture)]
        pictures = [
            Picture(image.tell(), each, *full_size(image, other, appearance=each), content=signals.content_box(other))
            for each, other in shown
        ]
        return [
            (each, self._views(other), hashes_of(image, other, picture=each))
            for each, (_, other) in zip(pictures, shown, strict=True)
        ]

    def _views(self, picture: Image.Image) -> list[bytes]:
        return [prepare(picture, preprocessing=each).tobytes() for each in self.preprocessings]

    def _measure(
        self, image: ImageFile.ImageFile, picture: Image.Image, *, views: Sequence[bytes]
    ) -> list[dict[str, float]]:
        shared: dict[str, float] = {} if self.side else {"blockiness": signals.blockiness(picture)}
        if (quality := signals.stated_quality(image)) is not None:
            shared["quality"] = quality
        pairs = zip(views, self.preprocessings, strict=True)
        return [{**shared, "sharpness": signals.sharpness(_array(view, each))} for view, each in pairs]


def prepare_parts(
    image: ImageFile.ImageFile, path: Path, *, wanted: Sequence[tuple[int, int, Sequence[Box]]],
    preprocessing: Preprocessing, limits: DecodeLimits,
) -> Iterator[bytes]:  # fmt: skip
    """Yield the view of each part, for each (frame, appearance, boxes) in the order of the frames."""
    for frame, appearance, boxes in wanted:
        pixels.seek(image, frame=frame, limits=limits)
        reader = FrameReader([preprocessing], _least_side(image.size, boxes, preprocessing), limits, ViewPlan())
        source = reader.source(image, path)
        picture = pixels.upright_rgb(source)
        shown = renderings.rendering(source, picture, appearance=Appearance(appearance)) or picture
        for box in boxes:
            yield prepare(shown.crop(in_pixels(box, shown.size)), preprocessing=preprocessing).tobytes()


def frames_to_decode(image: ImageFile.ImageFile, *, count: int) -> list[int]:
    """Return all frames of an animation, which must be composed anyway, or a limited number of pages."""
    if frames.is_composed(image):
        return list(range(count))
    return sampled_frames(count, most=_MOST_PAGES)


def sampled_frames(count: int, *, most: int) -> list[int]:
    """Return at most ``most`` of ``count`` frame indexes, evenly spread, including the first and the last."""
    if count <= most:
        return list(range(count))
    if most == 1:
        return [0]
    return [round(step * (count - 1) / (most - 1)) for step in range(most)]


def full_size(image: ImageFile.ImageFile, shown: Image.Image, *, appearance: Appearance) -> tuple[int, int]:
    """Return the (width, height) of an appearance of the current frame, of which ``shown`` may be a smaller copy."""
    if appearance in (Appearance.PREVIEW, Appearance.STILL):
        return shown.size
    is_sideways = orientation.is_sideways(renderings.applied_orientation(image, appearance=appearance))
    return (image.height, image.width) if is_sideways else image.size


def _least_side(size: tuple[int, int], boxes: Sequence[Box], preprocessing: Preprocessing) -> int:
    """Return the side that the whole picture must keep so that its smallest part keeps a draft's least side.

    0 means that the picture must be decoded in full.
    """
    smallest = min(min((box[2] - box[0]) * size[0], (box[3] - box[1]) * size[1]) for box in boxes)
    if preprocessing.draft_factor((int(smallest), int(smallest))) == 1:
        return 0
    return int(preprocessing.draft_side * min(size) / smallest)


def _array(view: bytes, preprocessing: Preprocessing) -> np.ndarray:
    width, height = preprocessing.size
    return np.frombuffer(view, dtype=np.uint8).reshape(height, width, 3)
