"""What a worker is busy with, written outside its transaction, so that it is known when the worker dies."""

from collections import Counter
from collections.abc import Sequence

from django.db import connection, connections, transaction
from django.db.models import Exists, OuterRef, QuerySet

from moderation.models import ScreeningAttempt, ScreeningRun, StoredFile, Upload, settle

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
            connections.settings[WATCH] = connection.settings_dict
        # Only a crash of this process matters here, not one of the server: no commit waits for the disk.
        with connections[WATCH].cursor() as cursor:
            cursor.execute("SET synchronous_commit = off")

    def begin(self, claimed: Sequence[StoredFile]) -> None:
        """Note ``claimed`` as being worked on; a file that is suspect already stays so, in this worker's name."""
        attempts = ScreeningAttempt.objects.using(WATCH)
        known = attempts.filter(file__in=claimed, suspect=True)
        again = set(known.values_list("file_id", flat=True))
        if again:
            known.update(worker=self.worker, run=self.run)
        attempts.bulk_create(
            ScreeningAttempt(file=file, run=self.run, worker=self.worker) for file in claimed if file.pk not in again
        )

    def clear(self, done: Sequence[StoredFile]) -> None:
        ScreeningAttempt.objects.using(WATCH).filter(file__in=done, worker=self.worker).delete()


def blame(worker: str, *, death: str, run: ScreeningRun) -> None:
    """A worker died while its command lived: suspect its files; quarantine one that was alone and suspect already."""
    left = ScreeningAttempt.objects.filter(worker=worker)
    with transaction.atomic():
        for file in StoredFile.objects.filter(attempts__in=left.filter(suspect=True)):
            uploads = Upload.objects.filter(
                pk__in=list(Upload.objects.pending().filter(file=file).values_list("pk", flat=True))
            )
            count = uploads.quarantine(
                reason="worker_died",
                detail=f"The screening process died twice while it worked on this file ({death}).",
            )
            settle(uploads)
            run.add(Counter({"quarantined:worker_died": count, "uploads": count}))
        left.filter(suspect=True).delete()
        left.update(suspect=True)


def suspect_all_of(runs: QuerySet[ScreeningRun]) -> None:
    """Runs whose command died blame nobody; what their workers were busy with is screened alone."""
    ScreeningAttempt.objects.filter(run__in=runs).update(suspect=True)


def forget_finished() -> None:
    """Attempts on files that have nothing pending any more."""
    pending = Upload.objects.pending().filter(file=OuterRef("file"))
    ScreeningAttempt.objects.exclude(Exists(pending)).filter(suspect=True).delete()
