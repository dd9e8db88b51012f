"""Count the frames of a file and reach one of them, at a cost that is bounded before it is spent.

Runs in the decode process. What Pillow raises passes through; ``pixels`` turns it into refusals.
"""

from PIL import GifImagePlugin, Image, ImageFile

from moderation.decoding.images import DecodeLimits, ImageRefused, Reason

#: Formats that state no number of frames: only a walk through the file tells it.
_UNCOUNTED = ("GIF", "TIFF")
#: Formats whose frames are changes of the frames before: a late one costs the decode of all of them.
_COMPOSED = ("GIF", "PNG", "WEBP", "AVIF")
#: Formats that Pillow composes while it seeks, and not when the frame is loaded.
_COMPOSED_BY_SEEKING = ("GIF", "PNG")


def count(image: ImageFile.ImageFile, *, limits: DecodeLimits) -> int:
    """Count the frames without decoding one.

    Raises:
        ImageRefused: there are too many, or composing the last one would take too many pixels.
    """
    frames = _walked(image, limits=limits) if image.format in _UNCOUNTED else getattr(image, "n_frames", 1)
    if frames > limits.max_frames_counted:
        found = f"found {frames} frames or more; at most {limits.max_frames_counted} are accepted"
        raise ImageRefused(Reason.TOO_MANY_FRAMES, found)
    if frames > 1:
        _check_composed(image, frames=frames, limits=limits)
    return max(1, frames)


def reach(image: ImageFile.ImageFile, *, frame: int, limits: DecodeLimits) -> None:
    """Go to a frame. Pages differ in size, and the canvas of a GIF file grows with a frame that is larger.

    Raises:
        ImageRefused: a picture on the way has too many pixels, or all of them together have.
    """
    if frame == image.tell():
        return
    between = image.format in _COMPOSED_BY_SEEKING and frame > image.tell()
    for step in range(image.tell() + 1, frame + 1) if between else (frame,):
        image.seek(step)
        check_pixels(image, limits=limits)
        _check_composed(image, frames=step + 1, limits=limits)


def is_composed(image: ImageFile.ImageFile) -> bool:
    """Whether a frame is a change of those before it, and not a page that stands alone."""
    return image.format in _COMPOSED


def check_pixels(image: Image.Image, *, limits: DecodeLimits) -> None:
    """Refuse a picture by the size that its header states."""
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
    """Count by going on to the end, or to one frame more than is accepted. ``n_frames`` knows no such bound."""
    try:
        while image.tell() < limits.max_frames_counted:
            _go_on(image)
    except EOFError:
        pass
    frames = image.tell() + 1
    image.seek(0)
    return frames


def _go_on(image: ImageFile.ImageFile) -> None:
    if isinstance(image, GifImagePlugin.GifImageFile):
        # As ``n_frames`` does; ``seek`` would compose every frame on the way.
        image._seek(image.tell() + 1, update_image=False)
    else:
        image.seek(image.tell() + 1)
