"""Folders that last as long as the process that made them; those of killed processes are found and removed.

The process holds a lock on a file in its folder. The kernel releases it however the process ends, so a folder whose
lock is free is abandoned. Pids are not compared, because they are reused.
"""

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from localpg import cluster_folders
from localpg.file_locks import try_lock

PREFIX = "second-look-throwaway-"
LEASE = "lease"


def make_leased_folder(parent: Path) -> tuple[Path, int]:
    """Make a folder below `parent`, and return it with its lease: a file descriptor to close when it is removed."""
    parent.mkdir(parents=True, exist_ok=True)
    while True:
        folder = parent.resolve() / f"{PREFIX}{secrets.token_hex(4)}"
        cluster_folders.make_own_folder(folder, mode=0o755)
        # Before it is locked, another process may take it for abandoned and remove it.
        with contextlib.suppress(FileNotFoundError):
            lease = try_lock(folder / LEASE)
            if lease is not None and folder.exists():
                return folder, lease
            if lease is not None:
                os.close(lease)


def abandoned_folders(parent: Path) -> Iterator[Path]:
    """Yield each abandoned throw-away folder of this user, while holding its lease."""
    for folder in _throwaway_folders(parent):
        try:
            lease = try_lock(folder / LEASE, create=False)
        except PermissionError:  # another user's
            continue
        except FileNotFoundError:
            if not folder.exists():
                yield folder  # removed from its parent, with a private folder left
            continue
        if lease is not None:
            yield folder
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lease)


def _throwaway_folders(parent: Path) -> set[Path]:
    beside = set(parent.glob(f"{PREFIX}*"))
    served = {cluster_folders.served_by(private) for private in cluster_folders.PRIVATE_ROOT.glob("*/")}
    return beside | {folder for folder in served if folder and folder.name.startswith(PREFIX)}
