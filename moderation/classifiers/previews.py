"""Make renditions of uploads without a review task, for the page that shows which routes would change."""

import time
from collections.abc import Sequence

from moderation.classifiers.shadow_comparison import RouteFlip
from moderation.decode_limits import decode_limits
from moderation.decoding.images import ImageRefused
from moderation.decoding.sandbox import Sandbox, SandboxUnavailable
from moderation.renditions import write_renditions
from moderation.storage import StorageFull

#: A page waits at most this long for renditions. Missing ones are made when the page is opened again.
SECONDS = 5.0


def make_renditions(flips: Sequence[RouteFlip], *, seconds: float = SECONDS) -> set[int]:
    """Write missing renditions, blurred and clear, and return the ids of the uploads that have both."""
    until = time.monotonic() + seconds
    with Sandbox(limits=decode_limits()) as sandbox:
        for flip in flips:
            if not has_renditions(flip) and time.monotonic() < until:
                _make(flip, sandbox=sandbox)
    return {flip.screening.upload_id for flip in flips if has_renditions(flip)}


def has_renditions(flip: RouteFlip) -> bool:
    return flip.frame_view.is_rendered(flip.screening.upload.file.sha256)


def _make(flip: RouteFlip, *, sandbox: Sandbox) -> None:
    try:
        write_renditions(flip.screening.upload.file, frames=[flip.frame_view], sandbox=sandbox)
    except (ImageRefused, SandboxUnavailable, StorageFull):
        return  # the page says that there is no image to show
