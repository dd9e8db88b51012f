"""Failures of a command's surroundings in one line each: what happened, what it means, what to do."""

import errno

from django.db import Error, OperationalError

from localpg import ClusterError

# Leading characters of SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html), longest first.
DATABASE_FAILURES = {
    "25006": "The database is read-only. Connect to the primary server, or lift default_transaction_read_only",
    "42P01": "The database lacks a table of this version. Run 'manage.py migrate'",
    "42703": "The database lacks a column of this version. Run 'manage.py migrate'",
    "42501": "The role of DATABASE_URL lacks a right ({found}). Grant it",
    "53100": "The disk of the database is full. Free some space there",
    "53": "The database lacks a resource ({found}). Free it, or raise its limit",
    "40": "Two transactions waited for each other, and the database ended this one. Wait a moment",
    "55P03": "A lock of another process was held for too long. Wait for that process to end",
    "57014": "A statement took too long. Raise DATABASE_STATEMENT_TIMEOUT_MS, or choose a smaller share of the work",
}
UNREACHABLE = "The database cannot be reached ({found}). Check that its server runs and that DATABASE_URL is right"
AFTERWARDS = "then run the command again."

FILE_ADVICE = {
    errno.ENOSPC: "Free some space",
    errno.EDQUOT: "Free some space, or raise the quota",
    errno.EFBIG: "Raise the limit on the size of files",
    errno.EROFS: "Make its file system writable, or choose another folder",
    errno.EACCES: "Run the command as the account that owns it, or change its permissions",
    errno.EPERM: "Run the command as the account that owns it, or change its permissions",
}


def explain(error: BaseException) -> str | None:
    """Return a failure as one line; None for a fault of the program, of which the traceback helps more."""
    if isinstance(error, ClusterError):
        return f"The private PostgreSQL server could not be used: {error}"
    if isinstance(error, Error):
        return _explain_database(error)
    if isinstance(error, OSError):
        return _explain_file(error)
    return " ".join(str(error).split())


def _explain_database(error: Error) -> str | None:
    state = getattr(error.__cause__, "sqlstate", None) or ""
    found = next((text for start, text in DATABASE_FAILURES.items() if state.startswith(start)), None)
    if found is None and isinstance(error, OperationalError):
        found = UNREACHABLE
    return f"{found.format(found=_first_line(error))}, {AFTERWARDS}" if found else None


def _explain_file(error: OSError) -> str:
    what = f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error)
    return f"{what}. {FILE_ADVICE.get(error.errno or 0, 'Check the path and the network')}, {AFTERWARDS}"


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]
