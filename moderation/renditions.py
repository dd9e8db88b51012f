"""Writing renditions: the re-encoded images that people see, decoded as the scored ones were."""

from collections.abc import Sequence

from moderation import storage
from moderation.decoding import rendition_sizes
from moderation.decoding.sandbox import Sandbox
from moderation.locks import advisory_lock
from moderation.models import StoredFile
from moderation.models.frames import BLURRED, CLEAR, FULL, FrameView


def write_renditions(file: StoredFile, *, frames: Sequence[FrameView], sandbox: Sandbox) -> None:
    """Write the renditions of ``frames`` that are missing, blurred and clear.

    Raises:
        ImageRefused: the file cannot be read safely.
        SandboxUnavailable: no decode process can be started.
        StorageFull: the disk is full.
    """
    missing = [frame for frame in frames if not frame.is_rendered(file.sha256)]
    if not missing:
        return
    renditions = sandbox.render_all(file.path, wanted=[frame.place for frame in missing])
    for frame, rendition in zip(missing, renditions, strict=True):
        storage.write(frame.rendition(file.sha256, variant=CLEAR), [rendition.clear])
        storage.write(frame.rendition(file.sha256, variant=BLURRED), [rendition.blurred])


def write_full_rendition(file: StoredFile, *, frame: FrameView, sandbox: Sandbox) -> None:
    """Write the rendition of ``frame`` with its own pixels if it is missing. Of requests at once, only one makes it.

    Decoding takes up to seconds, so this must not be called inside a transaction.

    Raises:
        ImageRefused: the file cannot be read safely.
        SandboxUnavailable: no decode process can be started.
        StorageFull: the disk is full.
    """
    path = frame.rendition(file.sha256, variant=FULL)
    if path.exists():
        return
    with advisory_lock(path.name):
        if not path.exists():
            (rendition,) = sandbox.render_all(file.path, wanted=[frame.place], size=rendition_sizes.FULL)
            storage.write(path, [rendition.clear])
