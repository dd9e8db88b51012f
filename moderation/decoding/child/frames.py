"""Count the frames of a file and go to one of them, at a cost that is checked beforehand.

Runs in the decode process. Pillow's exceptions pass through; ``pixels`` turns them into refusals.
"""

from PIL import GifImagePlugin, Image, ImageFile

from moderation.decoding.child.png_files import PngFile
from moderation.decoding.images import DecodeLimits, ImageRefused, Reason

#: Formats that do not state the number of frames, so that the file must be walked through.
_UNCOUNTED = ("GIF", "TIFF")
#: Formats whose frames are changes to the frames before, so that a late frame needs all of them decoded.
_COMPOSED = ("GIF", "PNG", "WEBP", "AVIF")
#: Formats that Pillow composes while it seeks, not when it loads the frame.
_COMPOSED_BY_SEEKING = ("GIF", "PNG")


def count(image: ImageFile.ImageFile, *, limits: DecodeLimits) -> int:
    """Count the frames without decoding one.

    Raises:
        ImageRefused: there are too many frames, or composing the last one would take too many pixels.
    """
    frames = _walked(image, limits=limits) if image.format in _UNCOUNTED else _stated(image)
    if frames > limits.max_frames_counted:
        found = f"found {frames} frames or more; at most {limits.max_frames_counted} are accepted"
        raise ImageRefused(Reason.TOO_MANY_FRAMES, found)
    if isinstance(image, PngFile):
        frames = image.n_frames
    if frames > 1:
        _check_composed(image, frames=frames, limits=limits)
    return max(1, frames)


def _stated(image: ImageFile.ImageFile) -> int:
    return image.stated_frames if isinstance(image, PngFile) else getattr(image, "n_frames", 1)


def reach(image: ImageFile.ImageFile, *, frame: int, limits: DecodeLimits) -> None:
    """Go to a frame. Pages differ in size, and a larger frame enlarges the canvas of a GIF file.

    Raises:
        ImageRefused: a picture on the way, or all of them together, has too many pixels.
    """
    if frame == image.tell():
        return
    between = image.format in _COMPOSED_BY_SEEKING and frame > image.tell()
    for step in range(image.tell() + 1, frame + 1) if between else (frame,):
        image.seek(step)
        check_pixels(image, limits=limits)
        _check_composed(image, frames=step + 1, limits=limits)


def is_composed(image: ImageFile.ImageFile) -> bool:
    """Whether a frame is a change to the frames before it, and not an independent page."""
    return image.format in _COMPOSED


def has_unread(image: ImageFile.ImageFile) -> bool:
    """Whether the file stores frames that neither browsers nor this process draw."""
    return bool(getattr(image, "has_unread_frames", False))


def check_pixels(image: Image.Image, *, limits: DecodeLimits) -> None:
    """Raise ImageRefused if the size that the header states exceeds the limit."""
    if image.width * image.height > limits.max_pixels:
        found = f"{image.width} x {image.height} = {image.width * image.height} pixels"
        raise ImageRefused(Reason.TOO_MANY_PIXELS, f"found {found}; at most {limits.max_pixels} are accepted")


def _check_composed(image: ImageFile.ImageFile, *, frames: int, limits: DecodeLimits) -> None:
    pixels = image.width * image.height * frames
    if image.format in _COMPOSED and pixels > limits.max_pixels_composed:
        found = f"{frames} frames of {image.width} x {image.height} = {pixels} pixels"
        raise ImageRefused(
            Reason.TOO_MANY_FRAMES, f"found {found}; at most {limits.max_pixels_composed} are accepted in all frames"
        )


def _walked(image: ImageFile.ImageFile, *, limits: DecodeLimits) -> int:
    """Count by seeking to the end, or to one frame more than the limit; ``n_frames`` has no limit."""
    try:
        while image.tell() < limits.max_frames_counted:
            _seek_next(image)
    except EOFError:
        pass
    frames = image.tell() + 1
    image.seek(0)
    return frames


def _seek_next(image: ImageFile.ImageFile) -> None:
    if isinstance(image, GifImagePlugin.GifImageFile):
        # As in ``n_frames``; ``seek`` would compose every frame on the way.
        image._seek(image.tell() + 1, update_image=False)
    else:
        image.seek(image.tell() + 1)
