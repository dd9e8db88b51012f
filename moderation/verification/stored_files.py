"""Rules about the files below DATA_DIR, and the removal of files without a row."""

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

from django.db.models import Q

from moderation import storage
from moderation.inference import embedded
from moderation.inference.manifest import ClassifierFileError
from moderation.models import Classifier, PolicyVersion, StoredFile
from moderation.verification.findings import Finding, batches

# A file is written before its row is committed, so a younger file may still get its row.
SWEEPABLE_AFTER_SECONDS = 3600


def rows_have_their_file() -> Iterator[Finding]:
    for file in StoredFile.objects.filter(erased_at=None).iterator():
        try:
            content = file.path.read_bytes()
        except OSError as error:
            yield f"file {file}", f"cannot be read: {error.strerror}"
            continue
        if len(content) != file.size:
            yield f"file {file}", f"{len(content)} bytes, the record says {file.size}"
        elif hashlib.sha256(content).hexdigest() != file.sha256:
            yield f"file {file}", "its bytes are not those that were received: the sha256 differs"


def classifiers_have_their_file() -> Iterator[Finding]:
    """Retired classifiers need their file too, so that scores can be repeated; the embedded one only if in force."""
    needed = Q(policy_versions__state=PolicyVersion.State.IN_FORCE)
    registered = Classifier.objects.filter(~Q(file_name="") | needed).distinct()
    for classifier in registered:
        try:
            path = embedded.open_nsfw()[1] if classifier.is_embedded else classifier.path
            found = hashlib.sha256(path.read_bytes()).hexdigest()
        except (OSError, ClassifierFileError) as error:
            yield f"classifier {classifier.name}", f"its file cannot be read: {error}"
            continue
        if found != classifier.sha256:
            yield f"classifier {classifier.name}", f"its file has sha256 {found}, registered is {classifier.sha256}"


def sweepable_files() -> Iterator[Path]:
    """Yield files older than an hour that no row refers to, half-written ones included.

    They are not problems: an intake that was killed leaves them.
    """
    for group in batches(path for path in storage.stored_files() if _is_old(path)):
        known = set(
            StoredFile.objects.filter(sha256__in=[_sha256_of(path) for path in group]).values_list("sha256", flat=True)
        )
        yield from (path for path in group if _sha256_of(path) not in known)


def sweep() -> int:
    """Remove the files that no row refers to, and return their number.

    Each file is checked once more before its removal, as an upload of the same bytes may have arrived meanwhile.
    """
    removed = 0
    for path in sweepable_files():
        if _is_old(path) and not StoredFile.objects.filter(sha256=_sha256_of(path)).exists():
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def _is_old(path: Path) -> bool:
    try:
        return path.stat().st_mtime < time.time() - SWEEPABLE_AFTER_SECONDS
    except FileNotFoundError:
        return False


def _sha256_of(path: Path) -> str:
    """Return the sha256 that a file's name begins with. Temporary names begin with a dot and match nothing."""
    return path.name[:64]
