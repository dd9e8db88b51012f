"""Serving the renditions that people see."""

import mimetypes
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.http import FileResponse, Http404, HttpResponse, HttpResponseBase

from moderation import storage
from moderation.models.frames import BLURRED, CLEAR

VARIANTS = (BLURRED, CLEAR)


def check_variant_or_404(variant: str, *, variants: Sequence[str] = VARIANTS) -> None:
    """Raises Http404 for a variant that is not one of ``variants``."""
    if variant not in variants:
        raise Http404(f"{variant!r} is not a rendition. Use one of: {', '.join(variants)}.")


def serve_rendition(path: Path) -> HttpResponseBase:
    """Send the file, or tell nginx where it lies. No cache keeps it.

    Raises:
        Http404: the file is not in storage.
    """
    media_type = mimetypes.guess_type(path)[0] or "application/octet-stream"
    answer: HttpResponseBase
    if prefix := settings.RENDITIONS_ACCEL_PREFIX:
        inside = path.relative_to(storage.renditions_folder())
        answer = HttpResponse(headers={"X-Accel-Redirect": f"{prefix}{inside}"}, content_type=media_type)
    else:
        try:
            answer = FileResponse(path.open("rb"), content_type=media_type)
        except FileNotFoundError as error:
            raise Http404(f"{path.name} is not in storage.") from error
    # The path's name is the upload's sha256, by which known pictures can be looked up unseen.
    answer["Content-Disposition"] = "inline"
    answer["Cache-Control"] = "no-store, private"
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cross-Origin-Resource-Policy"] = "same-origin"
    return answer
