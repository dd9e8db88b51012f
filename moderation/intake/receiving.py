"""Receive one image: check it, store its bytes once, record it under its identity."""

import tempfile
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from moderation import storage
from moderation.decode_limits import decode_limits
from moderation.decoding.images import DecodeLimits, Header, ImageRefused, Reason
from moderation.decoding.sandbox import Sandbox
from moderation.intake import refusals
from moderation.intake.digests import Digests
from moderation.models import Community, StoredFile, Upload, User


@dataclass(frozen=True, slots=True)
class Received:
    """``created`` is False if the same bytes were received under this identity before."""

    upload: Upload
    created: bool


def receive(  # noqa: PLR0913  (the facts of one upload)
    content: bytes,
    *,
    source: str,
    external_id: str,
    uploader_reference: str = "",
    community: Community | None = None,
    received_by: User | None = None,
) -> Received:
    """Record one image as an upload that is pending until the pre-screen.

    An upload's identity is (source, external_id). The same bytes under the same identity change nothing: the facts of
    the first time stay. A file whose header cannot be read is recorded too: the pre-screen quarantines it, so that
    people see it.

    Raises:
        UploadRefused: one of the failures in ``refusals``. Nothing was recorded.
        StorageFull: the bytes could not be written. Nothing was recorded.
        SandboxUnavailable: no decode process can be started.
    """
    refusals.check_fields(source=source, external_id=external_id, uploader_reference=uploader_reference)
    refusals.check_size(len(content))
    sniffed = refusals.check_format(content)
    digests = Digests.of(content)
    identity = {"source": source, "external_id": external_id}
    if earlier := _earlier(identity):
        return Received(_same(earlier, sha256=digests.sha256), created=False)
    facts = _facts(content, digests=digests, sniffed=sniffed)
    storage.store_upload(content, sha256=digests.sha256)
    rest = {"uploader_reference": uploader_reference, "community": community, "received_by": received_by}
    try:
        return Received(_record(facts, upload={**identity, **rest}), created=True)
    except IntegrityError:
        # The unique constraint decided: this identity was sent twice at the same time.
        if earlier := _earlier(identity):
            return Received(_same(earlier, sha256=digests.sha256), created=False)
        raise


def _earlier(identity: dict[str, str]) -> Upload | None:
    return Upload.objects.select_related("file").filter(**identity).first()


@transaction.atomic
def _record(facts: dict[str, Any], *, upload: dict[str, Any]) -> Upload:
    # If the same bytes are stored at the same time, the second waits here for the first to commit.
    StoredFile.objects.bulk_create([StoredFile(**facts)], ignore_conflicts=True)
    file = StoredFile.objects.get(sha256=facts["sha256"])
    if file.erased_at:  # the bytes were sent again
        StoredFile.objects.filter(pk=file.pk).update(erased_at=None)
    return Upload.objects.create(file=file, **upload)


def _same(upload: Upload, *, sha256: str) -> Upload:
    if upload.file.sha256 != sha256:
        raise refusals.ConflictingBytes(
            f"Found other bytes: {upload.external_id!r} of source {upload.source!r} was already received with other "
            f"bytes, on {upload.received_at:%Y-%m-%d at %H:%M} UTC, as upload {upload.pk}. The same bytes or a new "
            "external_id are accepted. Send a changed image under a new external_id."
        )
    return upload


def _facts(content: bytes, *, digests: Digests, sniffed: str) -> dict[str, Any]:
    """Return the stored file's columns; width, height and frames stay unknown if the header cannot be read."""
    facts: dict[str, Any] = {**asdict(digests), "size": len(content), "format": sniffed}
    if StoredFile.objects.filter(sha256=digests.sha256).exists():
        return facts  # the stored file has the rest
    try:
        header = _probe(content)
    except ImageRefused as refusal:
        _refuse_if_not_accepted(refusal)
        return facts
    return facts | {
        "format": header.format,
        "width": header.width,
        "height": header.height,
        "frames": header.frames,
    }


def _refuse_if_not_accepted(refusal: ImageRefused) -> None:
    """Refuse too many pixels or frames and other formats; files that merely cannot be decoded are quarantined later."""
    if refusal.reason is Reason.TOO_MANY_PIXELS:
        raise refusals.TooManyPixels(
            f"Found too many pixels; at most {settings.UPLOAD_MAX_PIXELS:,} are accepted. Send a smaller image. "
            f"(The decoder says: {refusal.detail})"
        ) from refusal
    if refusal.reason is Reason.TOO_MANY_FRAMES:
        raise refusals.TooManyFrames(
            f"Too many frames or pages: {refusal.detail}. Send a shorter or smaller animation, or fewer pages."
        ) from refusal
    if refusal.reason is Reason.FORMAT_NOT_ALLOWED:
        raise refusals.FormatNotAllowed(refusal.detail) from refusal


def _probe(content: bytes) -> Header:
    """Read the header in the decode process, from a temporary file, so that refused bytes leave nothing behind."""
    folder = storage.uploads_folder()
    try:
        storage.make_folder(folder)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".", suffix=".part") as file:
            file.write(content)
            file.flush()
            return sandbox().probe(Path(file.name))
    except OSError as error:
        raise storage.StorageFull(
            f"{folder} could not be written ({error.strerror}). Free some space and send the file again."
        ) from error


def sandbox() -> Sandbox:
    """Return this process's sandbox. It starts a decode process at the first call and keeps it."""
    return _sandbox(decode_limits())


@lru_cache(maxsize=1)
def _sandbox(limits: DecodeLimits) -> Sandbox:
    return Sandbox(limits=limits)
