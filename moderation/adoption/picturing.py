"""Renditions of uploads that nobody was asked about, for a page that shows what would change."""

import time
from collections.abc import Sequence

from moderation import files
from moderation.adoption.comparing import Flip
from moderation.files import StorageFull
from moderation.inference.images import ImageRefused
from moderation.inference.sandbox import Sandbox, SandboxUnavailable
from moderation.screening.engine import BLURRED, CLEAR, limits

#: A page waits no longer for its pictures; what is missing then is made when it is opened again.
SECONDS = 5.0


def make_renditions(flips: Sequence[Flip], *, seconds: float = SECONDS) -> set[int]:
    """Write what is missing, blurred and clear, and return the uploads that have both."""
    until = time.monotonic() + seconds
    with Sandbox(limits=limits()) as sandbox:
        for flip in flips:
            if not has_renditions(flip) and time.monotonic() < until:
                _make(flip, sandbox=sandbox)
    return {flip.screening.upload_id for flip in flips if has_renditions(flip)}


def has_renditions(flip: Flip) -> bool:
    sha256 = flip.screening.upload.file.sha256
    return all(files.rendition_path(sha256, frame=flip.frame, variant=each).exists() for each in (CLEAR, BLURRED))


def _make(flip: Flip, *, sandbox: Sandbox) -> None:
    file = flip.screening.upload.file
    try:
        rendition = sandbox.render(file.path, frame=flip.frame)
        files.write(files.rendition_path(file.sha256, frame=flip.frame, variant=CLEAR), [rendition.clear])
        files.write(files.rendition_path(file.sha256, frame=flip.frame, variant=BLURRED), [rendition.blurred])
    except (ImageRefused, SandboxUnavailable, StorageFull):
        return  # the page says that there is no picture
