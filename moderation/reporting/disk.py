"""Disk use of uploads, renditions and the database, and the free space."""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from moderation import storage

# Files are named by their sha256, so any share of the folders holds that share of the files. Some thousand are enough.
SAMPLE = 4_000
FOLDERS = 256 * 256


@dataclass(frozen=True)
class Used:
    """Bytes. If not every file was measured, an estimate that is right within a few per cent."""

    bytes: int
    exact: bool


@dataclass(frozen=True, kw_only=True)
class Disk:
    """Bytes. `free` and `total` are those of the disk with DATA_DIR."""

    uploads: Used
    renditions: Used
    database: int
    free: int
    total: int

    @classmethod
    def now(cls) -> "Disk":
        space = shutil.disk_usage(settings.DATA_DIR)
        return cls(
            uploads=used(storage.uploads_folder()),
            renditions=used(storage.renditions_folder()),
            database=database_bytes(),
            free=space.free,
            total=space.total,
        )

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def database_bytes() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        return int(cursor.fetchone()[0])


def used(folder: Path) -> Used:
    """Return the size of the files below `folder`. Folders are read in the order of their names, until SAMPLE files."""
    seen = total = 0
    for leaf in _leaves(folder):
        sizes = list(_sizes(leaf))
        seen, total = seen + len(sizes), total + sum(sizes)
        if seen >= SAMPLE:
            folders_read = int(leaf.parent.name + leaf.name, 16) + 1
            return Used(round(total * FOLDERS / folders_read), exact=folders_read == FOLDERS)
    return Used(total, exact=True)


def _leaves(folder: Path) -> Iterator[Path]:
    for first in _hexadecimal(folder):
        yield from _hexadecimal(first)


def _hexadecimal(folder: Path) -> list[Path]:
    names = (f"{number:02x}" for number in range(256))
    return [folder / name for name in names if (folder / name).is_dir()]


def _sizes(folder: Path) -> Iterator[int]:
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # erased, or renamed from its temporary name, just now
            yield path.stat().st_size
