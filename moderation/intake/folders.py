"""Ingest a folder: every image below it, with one file in memory at a time."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from django.conf import settings

from moderation.intake.receiving import receive
from moderation.intake.refusals import Unreadable, UploadRefused, check_size


class IngestResult(StrEnum):
    """The result of ingesting one file."""

    NEW = "new"  # recorded as an upload
    DUPLICATE = "duplicate"  # the same bytes were received under this identity before
    REFUSED = "refused"  # not accepted, with the reason
    SKIPPED = "skipped"  # hidden, or a link that leads out: not meant to be ingested


@dataclass(frozen=True, slots=True)
class IngestedFile:
    """One file, its result, and the reason if it was refused or skipped."""

    file: str
    result: IngestResult
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file to ingest."""

    path: Path
    external_id: str


def ingest(root: Path, *, source: str) -> Iterator[IngestedFile]:
    """Ingest a file, or all files below a folder in the order of their names.

    The external id is the path below ``root``, written with slashes, or the name if ``root`` is a file.

    Raises:
        StorageFull: the bytes could not be written. Earlier files stay ingested; another call continues from there.
        SandboxUnavailable: no decode process can be started.
    """
    for found in walk(root):
        yield found if isinstance(found, IngestedFile) else _take(found, source=source)


def walk(root: Path) -> Iterator[Candidate | IngestedFile]:
    """Yield the files to ingest, and those that are skipped or cannot be listed, with the reason."""
    real = Path(os.path.realpath(root))
    waiting = [root]
    while waiting:
        path = waiting.pop()
        try:
            if path != root and (reason := _why_skipped(path, root=real)):
                yield IngestedFile(printable(path), IngestResult.SKIPPED, reason)
            elif path.is_dir():
                # Reversed, because pop() takes from the end.
                waiting += sorted(path.iterdir(), reverse=True)
            else:
                yield Candidate(path, root.name if path == root else path.relative_to(root).as_posix())
        except OSError as error:
            yield IngestedFile(printable(path), IngestResult.REFUSED, _unreadable(error))


def printable(path: Path) -> str:
    """Return the path as text; bytes that are not UTF-8 are escaped."""
    return str(path).encode("utf-8", "backslashreplace").decode()


def _why_skipped(path: Path, *, root: Path) -> str:
    if path.name.startswith("."):
        return "it is hidden"
    if path.is_symlink() and (reason := _why_not_followed(Path(os.path.realpath(path)), root=root)):
        return reason
    mode = path.stat().st_mode
    return "" if stat.S_ISREG(mode) or stat.S_ISDIR(mode) else "it is not a regular file"


def _why_not_followed(target: Path, *, root: Path) -> str:
    if not target.is_relative_to(root):
        return "it is a link that leads out of the folder"
    if not target.exists():
        return "it is a link to nothing"
    return "it is a link to a folder, whose files are ingested themselves" if target.is_dir() else ""


def _take(candidate: Candidate, *, source: str) -> IngestedFile:
    name = printable(candidate.path)
    try:
        received = receive(_read(candidate.path), source=source, external_id=candidate.external_id)
    except UploadRefused as refusal:
        return IngestedFile(name, IngestResult.REFUSED, str(refusal))
    return IngestedFile(name, IngestResult.NEW if received.created else IngestResult.DUPLICATE)


def _read(path: Path) -> bytes:
    """Return the file's bytes; at most one more than are accepted, in case the file still grows."""
    try:
        with path.open("rb") as file:
            check_size(os.fstat(file.fileno()).st_size)
            return file.read(settings.UPLOAD_MAX_BYTES + 1)
    except OSError as error:
        raise Unreadable(_unreadable(error)) from error


def _unreadable(error: OSError) -> str:
    return f"Cannot be read ({error.strerror}), so it was not ingested. Check its permissions and ingest it again."
