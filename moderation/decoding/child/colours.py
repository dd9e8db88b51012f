"""The colours of a picture as browsers show them. Runs in the decode process.

Precedence, which is Chromium's: code points in a PNG file; an ICC profile; ``sRGB``, or ``gAMA`` with ``cHRM``, in a
PNG file; code points in an AVIF file. A broken statement is passed over for the next one.
"""

from collections.abc import Callable

from PIL import Image, ImageCms

from moderation.decoding.child import encodings
from moderation.decoding.child.profiles import Profile, read_profile

_GREY_MODES = ("L", "LA")
_RGB_MODES = ("RGB", "RGBA", "RGBX", "RGBa", "P", "PA")


def are_converted(image: Image.Image) -> bool:
    """Whether the numbers of the current frame are not sRGB's, so that browsers convert them."""
    if (profile := _profile(image)) is not None:
        return not profile.changes_nothing
    encoding = _encoding(image)
    return encoding is not None and not encodings.is_srgb(encoding)


def in_browsers(image: Image.Image, *, as_rgb: Callable[[], Image.Image]) -> Image.Image | None:
    """Return the current frame in sRGB, opaque and not turned; None if its numbers are sRGB's already.

    ``as_rgb`` returns the stored numbers as an opaque RGB picture.
    """
    if not are_converted(image):
        return None
    if (profile := _profile(image)) is not None:
        return _converted(image, profile, as_rgb=as_rgb)
    encoding = _encoding(image)
    return encodings.in_srgb(as_rgb(), encoding) if encoding else None


def _encoding(image: Image.Image) -> encodings.Encoding | None:
    return getattr(image, "encoding", None)


def _profile(image: Image.Image) -> Profile | None:
    """Return the profile of the image; None if it has none for pictures of its mode."""
    content = image.info.get("icc_profile")
    profile = read_profile(content) if isinstance(content, bytes) and content else None
    return profile if profile and profile.mode == _described_mode(image) else None


def _described_mode(image: Image.Image) -> str:
    if image.mode in _RGB_MODES:
        return "RGB"
    return "L" if image.mode in _GREY_MODES else image.mode


def _converted(image: Image.Image, profile: Profile, *, as_rgb: Callable[[], Image.Image]) -> Image.Image | None:
    try:
        if profile.mode == "RGB":
            return profile.convert(as_rgb())
        return profile.convert(image if image.mode == profile.mode else image.convert(profile.mode))
    except ImageCms.PyCMSError:
        return None
