"""The limits of decoding one file, read from the settings. The only place that reads them."""

from django.conf import settings

from moderation.decoding.images import DecodeLimits


def decode_limits() -> DecodeLimits:
    """Return how many pixels, bytes, seconds and how much memory one file may take."""
    return DecodeLimits(
        max_pixels=settings.UPLOAD_MAX_PIXELS,
        max_bytes=settings.UPLOAD_MAX_BYTES,
        address_space=settings.DECODE_ADDRESS_SPACE,
        seconds=settings.DECODE_SECONDS,
    )
