"""What a worker is busy with, written outside its transaction, so that it is known when the worker dies."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.db import connection, connections, transaction
from django.db.models import Exists, OuterRef, QuerySet

from moderation.models import ScreeningAttempt, ScreeningRun, StoredFile, Upload, update_status

# A connection of its own in autocommit: what is written on it stays when the worker's transaction is lost.
WATCH = "attempts"


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
        """Note ``claimed`` as being worked on; a file that is suspect already stays so, in this worker's name."""
        with transaction.atomic(using=WATCH):
            known = ScreeningAttempt.objects.using(WATCH).filter(file__in=claimed)
            suspect = set(known.filter(suspect=True).values_list("file_id", flat=True))
            # We hold the files' locks: whoever else has a row here is gone.
            known.delete()
            ScreeningAttempt.objects.using(WATCH).bulk_create(
                ScreeningAttempt(file=file, run=self.run, worker=self.worker, suspect=file.pk in suspect)
                for file in claimed
            )

    def clear(self, done: Sequence[StoredFile]) -> None:
        ScreeningAttempt.objects.using(WATCH).filter(file__in=done, worker=self.worker).delete()


def _without_waiting(database: dict[str, Any]) -> dict[str, Any]:
    """Only a crash of this process matters here, not one of the server: no commit waits for the disk."""
    options = database["OPTIONS"]
    arguments = f"{options.get('options', '')} -c synchronous_commit=off"
    return {**database, "OPTIONS": {**options, "options": arguments}}


def quarantine_or_suspect(worker: str, *, death: str, run: ScreeningRun) -> None:
    """A signal killed a worker while its command lived: suspect its files; a file that it held alone is quarantined."""
    left = ScreeningAttempt.objects.filter(worker=worker)
    with transaction.atomic():
        alone = StoredFile.objects.filter(attempts__in=left.filter(suspect=True))
        # A file that somebody else screens by now is theirs.
        for file in alone.select_for_update(no_key=True, skip_locked=True, of=("self",)):
            _quarantine(file, death=death, run=run)
        left.filter(suspect=True).delete()
        left.update(suspect=True)


def mark_suspect(worker: str) -> None:
    """A worker ended by itself with an error: what it was busy with is screened alone, and blamed for nothing."""
    ScreeningAttempt.objects.filter(worker=worker).update(suspect=True)


def _quarantine(file: StoredFile, *, death: str, run: ScreeningRun) -> None:
    uploads = Upload.objects.filter(
        pk__in=list(Upload.objects.pending().filter(file=file).values_list("pk", flat=True))
    )
    count = uploads.quarantine(
        reason="worker_died", detail=f"The screening process died twice while it worked on this file ({death})."
    )
    update_status(uploads)
    run.add(Counter({"quarantined:worker_died": count, "uploads": count}))


def suspect_all_of(runs: QuerySet[ScreeningRun]) -> None:
    """Runs whose command died blame nobody; what their workers were busy with is screened alone."""
    ScreeningAttempt.objects.filter(run__in=runs).update(suspect=True)


def cleanup(run: ScreeningRun) -> None:
    """At the end of a run: what its workers were busy with is not any more; suspects stay until they are screened."""
    ScreeningAttempt.objects.filter(run=run, suspect=False).delete()
    pending = Upload.objects.pending().filter(file=OuterRef("file"))
    ScreeningAttempt.objects.filter(~Exists(pending), suspect=True).delete()
