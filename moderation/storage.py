"""Content-addressed files below DATA_DIR: temporary name, fsync, rename; nothing half-written stays.

Uploaded bytes are private and never served. Renditions are what people see. Both are for the user that runs the
product alone, whatever its umask.
"""

import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from django.conf import settings

from localpg.fsync import sync_folder


class StorageFull(Exception):
    """The file could not be written; nothing of it was kept."""


def uploads_folder() -> Path:
    return Path(settings.DATA_DIR) / "uploads"


def renditions_folder() -> Path:
    return Path(settings.DATA_DIR) / "renditions"


def classifiers_folder() -> Path:
    return Path(settings.DATA_DIR) / "classifiers"


def incoming_folder() -> Path:
    """Where bodies wait that are too long for memory, until they are taken in or refused."""
    return Path(settings.FILE_UPLOAD_TEMP_DIR)


def upload_path(sha256: str) -> Path:
    return uploads_folder() / sha256[:2] / sha256[2:4] / sha256


def rendition_path(sha256: str, *, frame: int, variant: str, appearance: int = 0) -> Path:
    """Where what people see of a frame lies, as decoded (0) or in another appearance (``inference.views``)."""
    shown = f"{frame}.{appearance}" if appearance else str(frame)
    return renditions_folder() / sha256[:2] / sha256[2:4] / f"{sha256}-{shown}-{variant}.jpg"


def make_folder(folder: Path) -> None:
    """Make ``folder``, somewhere below DATA_DIR, for its owner alone; one that exists keeps the mode it was given."""
    made = Path(settings.DATA_DIR)
    made.mkdir(parents=True, exist_ok=True)
    # One by one: with parents=True the mode would be the last one's only.
    for name in folder.relative_to(made).parts:
        made /= name
        made.mkdir(mode=0o700, exist_ok=True)


def write(path: Path, chunks: Iterable[bytes]) -> None:
    """Write ``chunks`` to ``path`` whole or not at all; an existing file of that name is replaced.

    Raises:
        StorageFull: the disk is full or refuses to write.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    try:
        with os.fdopen(_create(temporary), "wb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise StorageFull(
            f"{path.parent} could not be written ({error.strerror}). Free some space and send the file again."
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _create(path: Path) -> int:
    """A descriptor of a new file for its owner alone; most folders are there already."""
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
    try:
        return os.open(path, flags, 0o600)
    except FileNotFoundError:
        make_folder(path.parent)
        return os.open(path, flags, 0o600)


def store_upload(content: bytes) -> str:
    """Keep ``content`` once and return its sha256."""
    sha256 = hashlib.sha256(content).hexdigest()
    path = upload_path(sha256)
    try:
        # A sweep looks at the time of a file without a row: this one is wanted from now on.
        os.utime(path)
    except OSError:  # it is not there, or can't be touched: writing says why
        write(path, [content])
    return sha256


def stored_files() -> Iterator[Path]:
    """Every file of uploads and renditions, half-written ones too, and of bodies that were never taken in."""
    for folder in (uploads_folder(), renditions_folder(), incoming_folder()):
        yield from (path for path in folder.rglob("*") if path.is_file())
