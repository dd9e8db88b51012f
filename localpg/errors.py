"""The failures of the private server: one class for each remedy."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DISK_FULL = ("No space left on device", "Disk quota exceeded")
NOT_ALLOWED = ("Permission denied", "Read-only file system", "Operation not permitted")


class ClusterError(Exception):
    """The private PostgreSQL server cannot do as requested."""


class ProgramsNotFoundError(ClusterError):
    pass


class ProgramsTooOldError(ClusterError):
    pass


class DataVersionError(ClusterError):
    """The data were written by another major version of PostgreSQL. Nothing was changed."""


class AccountNotFoundError(ClusterError):
    """PostgreSQL refuses to run as root and there is no other account to run it."""


class FolderNotWritableError(ClusterError):
    pass


class FolderTakenError(ClusterError):
    """The folder recorded for this server serves another data folder."""


class DiskFullError(ClusterError):
    pass


class ClusterBusyError(ClusterError):
    """Another process is starting or stopping the same server and does not finish."""


class StartFailedError(ClusterError):
    pass


class StartTimedOutError(ClusterError):
    pass


class StopTimedOutError(ClusterError):
    pass


@contextmanager
def named_errors(folder: Path) -> Iterator[None]:
    """Turn an OSError below `folder` into a ClusterError that says what to do."""
    try:
        yield
    except OSError as error:
        raise _error_from_os(error, folder=folder) from error


def _error_from_os(error: OSError, *, folder: Path) -> ClusterError:
    where = error.filename or folder
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return disk_full(where)
    return FolderNotWritableError(
        f"{where}: {error.strerror}. The database needs a folder that this user can read and write. "
        "Correct its owner or mode, run as the user who made it, or set DATA_DIR to another folder."
    )


def error_from_output(output: str, *, doing: str, folder: Path) -> ClusterError:
    """Return the error that fits the output of a PostgreSQL program that failed."""
    if any(words in output for words in DISK_FULL):
        return disk_full(folder)
    if any(words in output for words in NOT_ALLOWED):
        return FolderNotWritableError(
            f"{folder}: PostgreSQL may not use this folder while {doing}. It needs a folder that its account "
            f"can read and write. Correct owner or mode, or set DATA_DIR to another folder. "
            f"Its output:\n{output}"
        )
    return StartFailedError(
        f"PostgreSQL failed while {doing} in {folder}. Correct the cause and start again. Its output:\n{output}"
    )


def disk_full(where: Path | str) -> DiskFullError:
    return DiskFullError(
        f"{where}: no space left on the disk. About 100 MB must be free to start the database. "
        "Free some space or set DATA_DIR to a folder on another disk, then start again."
    )
