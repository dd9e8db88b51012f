"""The files that a worker is busy with, written outside its transaction, so that they are known if it dies."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.db import connection, connections, transaction
from django.db.models import Exists, OuterRef, QuerySet

from moderation.models import ScreeningAttempt, ScreeningRun, StoredFile, Upload
from moderation.review.status import update_status

# A separate connection in autocommit: its rows stay when the worker's transaction is lost.
WATCH = "attempts"
# Uploads of one file that are quarantined in one statement.
BATCH = 1_000


def suspects() -> QuerySet[ScreeningAttempt]:
    """For use in a query over files: attempts that a worker died with."""
    return ScreeningAttempt.objects.filter(file=OuterRef("pk"), suspect=True)


class Attempts:
    """The attempts of one worker."""

    def __init__(self, *, run: ScreeningRun, worker: str) -> None:
        self.run, self.worker = run, worker
        if WATCH not in connections.settings:
            connections.settings[WATCH] = _without_waiting(connection.settings_dict)

    def begin(self, claimed: Sequence[StoredFile]) -> None:
        """Note that this worker works on ``claimed``. A suspect file stays suspect, now under this worker's name."""
        with transaction.atomic(using=WATCH):
            known = ScreeningAttempt.objects.using(WATCH).filter(file__in=claimed)
            suspect = set(known.filter(suspect=True).values_list("file_id", flat=True))
            # We hold the files' locks, so a worker with a row here is gone.
            known.delete()
            ScreeningAttempt.objects.using(WATCH).bulk_create(
                ScreeningAttempt(file=file, run=self.run, worker=self.worker, suspect=file.pk in suspect)
                for file in claimed
            )

    def clear(self, done: Sequence[StoredFile]) -> None:
        """Note that the work on ``done`` is committed."""
        ScreeningAttempt.objects.using(WATCH).filter(file__in=done, worker=self.worker).delete()


def _without_waiting(database: dict[str, Any]) -> dict[str, Any]:
    """Return the same settings with commits that do not wait for the disk.

    Attempts matter after a crash of this process, not after one of the server.
    """
    options = database["OPTIONS"]
    arguments = f"{options.get('options', '')} -c synchronous_commit=off"
    return {**database, "OPTIONS": {**options, "options": arguments}}


def quarantine_or_suspect(worker: str, *, death: str, run: ScreeningRun) -> None:
    """Handle a worker that a signal killed while its command lived.

    Its files become suspect. A suspect file, which it held alone, is quarantined.
    """
    left = ScreeningAttempt.objects.filter(worker=worker)
    with transaction.atomic():
        alone = StoredFile.objects.filter(attempts__in=left.filter(suspect=True))
        # A file that another worker has locked by now is screened by that worker.
        for file in alone.select_for_update(no_key=True, skip_locked=True, of=("self",)):
            _quarantine(file, death=death, run=run)
        left.filter(suspect=True).delete()
        left.update(suspect=True)


def mark_suspect(worker: str) -> None:
    """Handle a worker that ended with an error of its own: its files are screened alone, and none is quarantined."""
    ScreeningAttempt.objects.filter(worker=worker).update(suspect=True)


def _quarantine(file: StoredFile, *, death: str, run: ScreeningRun) -> None:
    detail = f"The screening process died twice while it worked on this file ({death})."
    pending = Upload.objects.pending().filter(file=file).order_by("pk").values_list("pk", flat=True)
    count = 0
    while batch := list(pending[:BATCH]):
        uploads = Upload.objects.filter(pk__in=batch)
        count += uploads.quarantine(reason="worker_died", detail=detail)
        update_status(uploads)
    run.add(Counter({"quarantined:worker_died": count, "uploads": count}))


def suspect_all_of(runs: QuerySet[ScreeningRun]) -> None:
    """Handle runs whose command died: their workers' files are screened alone, and none is quarantined."""
    ScreeningAttempt.objects.filter(run__in=runs).update(suspect=True)


def cleanup(run: ScreeningRun) -> None:
    """Delete the attempts that the end of ``run`` settles. Suspect files stay until they are screened."""
    ScreeningAttempt.objects.filter(run=run, suspect=False).delete()
    pending = Upload.objects.pending().filter(file=OuterRef("file"))
    ScreeningAttempt.objects.filter(~Exists(pending), suspect=True).delete()
