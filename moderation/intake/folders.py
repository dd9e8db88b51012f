"""Folders come in: every image below them, one file in memory at a time."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from django.conf import settings

from moderation.intake.receiving import receive
from moderation.intake.refusals import Unreadable, UploadRefused, check_size


class Kind(StrEnum):
    NEW = "new"
    DUPLICATE = "duplicate"
    REFUSED = "refused"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file. A skipped one (hidden, a link that leads out) was never meant to come in."""

    file: str
    kind: Kind
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    path: Path
    external_id: str


def ingest(root: Path, *, source: str) -> Iterator[Outcome]:
    """Take in a file, or all files below a folder in the order of their names.

    The external id is the path below ``root``, written with slashes; the name where ``root`` is a file.

    Raises:
        StorageFull: the bytes could not be written. What came in before stays; another call goes on from there.
        SandboxUnavailable: no decode process can be started.
    """
    for found in walk(root):
        yield found if isinstance(found, Outcome) else _take(found, source=source)


def walk(root: Path) -> Iterator[Candidate | Outcome]:
    """The files to take in, and what is passed over or can't be listed, with the reason."""
    real = Path(os.path.realpath(root))
    waiting = [root]
    while waiting:
        path = waiting.pop()
        try:
            if path != root and (reason := _why_skipped(path, root=real)):
                yield Outcome(printable(path), Kind.SKIPPED, reason)
            elif path.is_dir():
                # Last first: the end of a list is where it is cheap to take from.
                waiting += sorted(path.iterdir(), reverse=True)
            else:
                yield Candidate(path, root.name if path == root else path.relative_to(root).as_posix())
        except OSError as error:
            yield Outcome(printable(path), Kind.REFUSED, _unreadable(error))


def printable(path: Path) -> str:
    """Names may hold bytes that are no UTF-8."""
    return str(path).encode("utf-8", "backslashreplace").decode()


def _why_skipped(path: Path, *, root: Path) -> str:
    if path.name.startswith("."):
        return "it is hidden"
    if path.is_symlink() and (reason := _why_not_followed(Path(os.path.realpath(path)), root=root)):
        return reason
    mode = path.stat().st_mode
    return "" if stat.S_ISREG(mode) or stat.S_ISDIR(mode) else "it is no regular file"


def _why_not_followed(target: Path, *, root: Path) -> str:
    if not target.is_relative_to(root):
        return "it is a link that leads out of the folder"
    if not target.exists():
        return "it is a link to nothing"
    return "it is a link to a folder, whose files come in by themselves" if target.is_dir() else ""


def _take(candidate: Candidate, *, source: str) -> Outcome:
    name = printable(candidate.path)
    try:
        received = receive(_read(candidate.path), source=source, external_id=candidate.external_id)
    except UploadRefused as refusal:
        return Outcome(name, Kind.REFUSED, str(refusal))
    return Outcome(name, Kind.NEW if received.created else Kind.DUPLICATE)


def _read(path: Path) -> bytes:
    """The file's bytes, or one more than are accepted of a file that still grows."""
    try:
        with path.open("rb") as file:
            check_size(os.fstat(file.fileno()).st_size)
            return file.read(settings.UPLOAD_MAX_BYTES + 1)
    except OSError as error:
        raise Unreadable(_unreadable(error)) from error


def _unreadable(error: OSError) -> str:
    return f"Found something that can't be read ({error.strerror}). Check its permissions and ingest it again."
