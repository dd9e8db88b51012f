"""The checks of /readyz: whether the parts that uploads and reviews need work.

They are cheap, and their answers are safe to show to anybody: no path, no secret.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Min
from django.utils import timezone

from moderation import storage as files
from moderation.database_state import OtherVersionsDatabase, ReadOnlyDatabase, check_version, check_writable
from moderation.inference.embedded import open_nsfw
from moderation.inference.manifest import ClassifierFileError
from moderation.models import Classifier, Upload
from moderation.models.versions import PolicyVersion
from moderation.static_files import are_collected


class NotReady(Exception):
    """One part is missing or wrong. The message says which one and what to do."""


@dataclass(frozen=True, kw_only=True)
class Check:
    name: str
    ok: bool
    detail: str


def checks() -> Iterator[Check]:
    """Yield every check. Those that need the database are left out if it cannot be reached."""
    first = _run(database)
    yield first
    for check in (migrations, classifiers, oldest_pending) if first.ok else ():
        yield _run(check)
    yield _run(storage)
    yield _run(static_files)


def database() -> str:
    """Check that the server accepts a connection, and changes."""
    try:
        check_writable()
    except ReadOnlyDatabase as error:
        raise NotReady("read-only; connect to the primary server, or lift default_transaction_read_only") from error
    except DatabaseError as error:
        # The server's own message may contain addresses and names, so it is not shown.
        raise NotReady("cannot be reached; see the server's log and DATABASE_URL") from error
    return "reachable"


def migrations() -> str:
    try:
        check_version()
    except OtherVersionsDatabase as error:
        raise NotReady("the database is another version's; see 'manage.py migrate'") from error
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        raise NotReady(f"{len(missing)} not applied; run 'manage.py migrate'")
    return "applied"


def classifiers() -> str:
    """Check the file of each classifier in force by its sha256."""
    in_force = Classifier.objects.filter(policy_versions__state=PolicyVersion.State.IN_FORCE).distinct()
    found = [_check_file(classifier) for classifier in in_force]
    if not found:
        raise NotReady("no policy is in force; run 'manage.py migrate'")
    return ", ".join(found)


def storage() -> str:
    """Check that DATA_DIR is writable and has room for one more upload."""
    try:
        files.probe()
        free = shutil.disk_usage(settings.DATA_DIR).free
    except OSError as error:
        raise NotReady(f"cannot be written ({error.strerror})") from error
    if free < settings.UPLOAD_MAX_BYTES:
        raise NotReady(f"full: {free // 1_000_000} MB left")
    return f"writable, {free // 1_000_000_000} GB left"


def static_files() -> str:
    """Check that every style and script of the pages was collected before this process started."""
    if not are_collected():
        raise NotReady("not collected; run 'manage.py collectstatic', then restart")
    return "collected"


def oldest_pending() -> str:
    """Return the age of the oldest pending upload; never a failure, as uploads wait for the nightly pre-screen."""
    received = Upload.objects.pending().aggregate(oldest=Min("received_at"))["oldest"]
    return f"{(timezone.now() - received).total_seconds():.0f} s" if received else "none"


def _run(check: Callable[[], str]) -> Check:
    try:
        return Check(name=check.__name__, ok=True, detail=check())
    except NotReady as reason:
        return Check(name=check.__name__, ok=False, detail=str(reason))
    except DatabaseError:
        return Check(name=check.__name__, ok=False, detail="the database did not answer; see the server's log")


def _check_file(classifier: Classifier) -> str:
    try:
        path = open_nsfw()[1] if classifier.is_embedded else classifier.path
        about = path.stat()
        right = _sha256(path, about.st_size, about.st_mtime_ns) == classifier.sha256
    except (OSError, ClassifierFileError) as error:
        raise NotReady(f"{classifier.name}: its file cannot be read") from error
    if not right:
        raise NotReady(f"{classifier.name}: its file is not the registered one, by sha256")
    return str(classifier)


@lru_cache(maxsize=8)
def _sha256(path: Path, _size: int, _changed: int) -> str:
    """Return the file's sha256; it is read again only if size or time of change differ."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
