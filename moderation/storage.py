"""Content-addressed files below DATA_DIR: temporary name, fsync, rename, so that no half-written file stays.

Uploaded bytes are private and never served; people see renditions. Only the user that runs the product can read either,
whatever its umask.
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
    """The file could not be written, and no part of it was kept."""


def uploads_folder() -> Path:
    return Path(settings.DATA_DIR) / "uploads"


def renditions_folder() -> Path:
    return Path(settings.DATA_DIR) / "renditions"


def classifiers_folder() -> Path:
    return Path(settings.DATA_DIR) / "classifiers"


def incoming_folder() -> Path:
    """The folder of request bodies that are too long for memory, until they are recorded or refused."""
    return Path(settings.FILE_UPLOAD_TEMP_DIR)


def upload_path(sha256: str) -> Path:
    return uploads_folder() / sha256[:2] / sha256[2:4] / sha256


def rendition_path(sha256: str, *, frame: int, variant: str, appearance: int = 0) -> Path:
    """Path of the rendition of a frame, as decoded (0) or in another appearance (``decoding.views``)."""
    shown = f"{frame}.{appearance}" if appearance else str(frame)
    return renditions_folder() / sha256[:2] / sha256[2:4] / f"{sha256}-{shown}-{variant}.jpg"


def make_folder(folder: Path) -> None:
    """Make ``folder``, below DATA_DIR, readable by its owner only. An existing folder keeps its mode."""
    made = Path(settings.DATA_DIR)
    made.mkdir(parents=True, exist_ok=True)
    # One by one: with parents=True only the last folder would get the mode.
    for name in folder.relative_to(made).parts:
        made /= name
        made.mkdir(mode=0o700, exist_ok=True)


def probe() -> None:
    """Write a small file to DATA_DIR and remove it, also where it could be made but not written.

    Raises:
        OSError: DATA_DIR does not exist, is full or refuses to write.
    """
    path = Path(settings.DATA_DIR) / f".probe-{secrets.token_hex(6)}"
    try:
        path.write_bytes(b"ok")
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def write(path: Path, chunks: Iterable[bytes]) -> None:
    """Write ``chunks`` to ``path`` whole or not at all. An existing file is replaced.

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
    """Return a descriptor of a new file that only its owner can read. The folder is made if it does not exist."""
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
    try:
        return os.open(path, flags, 0o600)
    except FileNotFoundError:
        make_folder(path.parent)
        return os.open(path, flags, 0o600)


def store_upload(content: bytes, *, sha256: str = "") -> str:
    """Store ``content`` once and return its ``sha256``, which is computed if the caller does not have it."""
    sha256 = sha256 or hashlib.sha256(content).hexdigest()
    path = upload_path(sha256)
    try:
        # A sweep deletes old files without a row: the new time keeps this one until its row is written.
        os.utime(path)
    except OSError:  # it does not exist or cannot be touched: writing reports why
        write(path, [content])
    return sha256


def stored_files() -> Iterator[Path]:
    """Yield every file of uploads, renditions and request bodies, half-written ones too."""
    for folder in (uploads_folder(), renditions_folder(), incoming_folder()):
        yield from (path for path in folder.rglob("*") if path.is_file())
