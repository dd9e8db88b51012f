"""File locks, which the kernel releases when their holder ends, however it ends."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localpg.errors import ClusterBusyError


def try_lock(path: Path, *, create: bool = True) -> int | None:
    """Return a file descriptor that holds the lock on `path`, or None if another process holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | (os.O_CREAT if create else 0), 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


@contextmanager
def locked(path: Path, *, seconds: float) -> Iterator[int]:
    """Hold the lock on `path`. A child process that inherits its descriptor holds it as well.

    Raises:
        ClusterBusyError: another process held it for `seconds`.
    """
    deadline = time.monotonic() + seconds
    while (descriptor := try_lock(path)) is None:
        if time.monotonic() > deadline:
            raise ClusterBusyError(
                f"{path}: another process has been starting or stopping this database for {seconds:.0f} s. "
                "Wait for it to end, or end it, and try again."
            )
        time.sleep(0.02)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
