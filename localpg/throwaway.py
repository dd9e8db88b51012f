"""Folders that live as long as the process that made them; what a killed one leaves is found and removed.

The maker holds a lock on a file in its folder. The kernel frees it however the maker ends, so a folder whose
lock is free has lost its maker. No pid is compared: pids come back.
"""

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from localpg import places
from localpg.file_locks import try_lock

PREFIX = "second-look-throwaway-"
LEASE = "lease"


def make_leased_folder(parent: Path) -> tuple[Path, int]:
    """Make a folder below ``parent`` that is ours until its lease, a file descriptor, is closed."""
    parent.mkdir(parents=True, exist_ok=True)
    while True:
        folder = parent.resolve() / f"{PREFIX}{secrets.token_hex(4)}"
        places.make_own_folder(folder, mode=0o755)
        # Another process may look between the making and the locking and take it for abandoned.
        with contextlib.suppress(FileNotFoundError):
            lease = try_lock(folder / LEASE)
            if lease is not None and folder.exists():
                return folder, lease
            if lease is not None:
                os.close(lease)


def abandoned_folders(parent: Path) -> Iterator[Path]:
    """Yield each throw-away folder of this user whose maker died, while holding its lease."""
    for folder in _known_folders(parent):
        try:
            lease = try_lock(folder / LEASE, create=False)
        except PermissionError:  # another user's
            continue
        except FileNotFoundError:
            if not folder.exists():
                yield folder  # gone from its parent, but with a private place left
            continue
        if lease is not None:
            yield folder
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lease)


def _known_folders(parent: Path) -> set[Path]:
    beside = set(parent.glob(f"{PREFIX}*"))
    noted = {places.served_by(place) for place in places.PRIVATE_ROOT.glob("*/")}
    return beside | {folder for folder in noted if folder and folder.name.startswith(PREFIX)}
