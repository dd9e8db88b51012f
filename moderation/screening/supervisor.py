"""The command's half of the pre-screen: it starts workers, hands out chunks, watches for deaths, keeps the record."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from django.db import connection, transaction
from django.db.models.functions import Coalesce, Now

from moderation.models import Epoch, Policy, PolicyVersion, ScreeningRun, Upload
from moderation.models.shadows import current_shadows
from moderation.models.uploads import UploadQuerySet
from moderation.screening import attempts
from moderation.screening.engine import Rulebook
from moderation.screening.rescreening import needing_rescreen, needing_shadow_scores
from moderation.screening.worker_pool import Reply, Worker, WorkerExited, WorkerPool

CHUNK = 64
# Chunks at a time in one worker: while one is written down, the network computes for the other.
LANES = 2
# Advisory locks of runs: (this, run id). Held as long as the command lives, on whichever machine.
RUN_LOCKS = 20_481
# So many deaths in a row without a finished chunk: something other than a file is wrong.
MOST_DEATHS_IN_A_ROW = 12


Mode = Literal["pending", "rescore", "shadows"]


class ScreeningFailed(Exception):
    """The pre-screen could not go on. What was committed stays; the rest is pending."""


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """What the operator asked for. ``limit`` is in files, ``max_seconds`` in seconds; None: no limit.

    ``since``: only what was received since then.
    ``mode``: "pending"; "rescore", what is stored too, by the rules in force; "shadows", only the scores of classifiers
    in the shadow for what is stored.
    """

    processes: int = 1
    limit: int | None = None
    max_seconds: float | None = None
    policy: str | None = None
    dry_run: bool = False
    mode: Mode = "pending"
    since: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"since": self.since and self.since.isoformat()}


@dataclass(kw_only=True)
class RunReport:
    """What a run did: uploads = approved + review + rejected + the sum of quarantined."""

    run: int
    counts: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    work_left: int = 0
    stopped_early: bool = False

    def as_json(self) -> dict[str, Any]:
        counts, prefix = self.counts, "quarantined:"
        return {
            "run": self.run,
            "uploads": counts["uploads"],
            "approved": counts["approve"],
            "review": counts["review"],
            "rejected": counts["reject"],
            "quarantined": {key.removeprefix(prefix): n for key, n in counts.items() if key.startswith(prefix)},
            "audits": counts["audits"],
            "untrusted": counts["untrusted"],
            "matched": counts["matched"],
            "views": counts["views"],
            "seconds": round(self.seconds, 3),
            "per_second": round(counts["uploads"] / self.seconds, 2) if self.seconds else 0.0,
        }


class Supervisor:
    """Runs the pre-screen once."""

    def __init__(self, options: RunOptions, *, on_progress: Callable[[RunReport, int], None]) -> None:
        self.options, self.on_progress = options, on_progress
        self.stopping = False
        self.started = time.monotonic()
        self.deaths_in_a_row = 0

    def stop(self) -> None:
        """Hand out no more chunks; those under way are finished and committed."""
        self.stopping = True

    def run(self) -> RunReport:
        """Screen what is pending and return what was done.

        Raises:
            ScreeningFailed: no policy in force, a classifier that is not what was registered, workers that keep dying.
        """
        with transaction.atomic():
            self.versions = versions_in_force(self.options.policy)
            self.shadows = current_shadows({version.policy_id for version in self.versions})
            if self.options.mode == "shadows" and not self.shadows:
                raise ScreeningFailed(
                    "Nothing is in the shadow of a policy. See 'manage.py classifiers shadow NAME --policy SLUG'."
                )
            self.epochs = list(Epoch.objects.filter(closed_at=None).values_list("pk", flat=True))
        mark_dead_runs()
        with transaction.atomic():  # nobody sees the run before it is locked
            self.record = ScreeningRun.objects.create(options=self.options.as_json())
            self.record.policy_versions.set(self.versions)
            _lock(self.record.pk)
        self.report = RunReport(run=self.record.pk)
        self.total = self._pending()
        try:
            if self.total:
                self._work()
        except BaseException:  # Ctrl-C too: the run's record must say how it ended; the error goes on
            self._finish(ScreeningRun.State.FAILED)
            raise
        self._finish(ScreeningRun.State.STOPPED if self.report.stopped_early else ScreeningRun.State.DONE)
        return self.report

    def _work(self) -> None:
        setup = {
            "run": self.record.pk,
            "versions": [version.pk for version in self.versions],
            "epochs": self.epochs,
            "shadows": [shadow.pk for shadow in self.shadows],
            "dry_run": self.options.dry_run,
            "mode": self.options.mode,
            "since": self.options.as_json()["since"],
            # What a dry run looks at is not marked in any way: two lanes would look at the same.
            "lanes": 1 if self.options.dry_run else LANES,
        }
        with WorkerPool(setup) as crew:
            for _ in range(1 if self.options.dry_run else self.options.processes):
                crew.hire()
            while crew.workers:
                self._on(crew, crew.next_event(timeout=0.5))
                if self._must_stop():
                    self._dismiss_idle(crew)

    def _on(self, crew: WorkerPool, event: Reply | WorkerExited | None) -> None:
        if isinstance(event, Reply):
            self._on_reply(crew, event)
        elif isinstance(event, WorkerExited):
            self._on_gone(crew, event)

    def _on_reply(self, crew: WorkerPool, reply: Reply) -> None:
        if error := reply.content.get("error"):
            raise ScreeningFailed(error)
        worker, counts = reply.worker, Counter(reply.content.get("counts", {}))
        if "counts" in reply.content:
            # An empty chunk proves nothing: every new worker can do that.
            self.deaths_in_a_row = 0 if counts["files"] else self.deaths_in_a_row
            self.report.counts.update(counts)
            self.report.seconds = time.monotonic() - self.started
            self.on_progress(self.report, self.total)
        self._hand_out(crew, worker)

    def _hand_out(self, crew: WorkerPool, worker: Worker) -> None:
        """The next chunks; files that workers died with come last, one by one; then the worker may go."""
        while not worker.exhausted and worker.has_free_lane and (size := self._next_size(crew)):
            worker.ask(size=0 if worker.on_suspects else size)
        if not worker.chunks:
            self._hand_out_suspects(crew, worker)

    def _hand_out_suspects(self, crew: WorkerPool, worker: Worker) -> None:
        if not self._next_size(crew):
            self.report.stopped_early = True
            crew.dismiss(worker)
        elif not worker.on_suspects:
            worker.on_suspects, worker.exhausted = True, False
            worker.ask(size=0)
        else:
            crew.dismiss(worker)

    def _next_size(self, crew: WorkerPool) -> int:
        """How many files to hand out: less towards the end, so that all workers finish together."""
        if self._must_stop():
            return 0
        out = sum(worker.busy_with for worker in crew.workers)
        done = self.report.counts["files"]
        fair = max(4, (self.total - done - out) // (2 * len(crew.workers)))
        left = CHUNK if self.options.limit is None else self.options.limit - done - out
        return max(0, min(CHUNK, fair, left))

    def _on_gone(self, crew: WorkerPool, gone: WorkerExited) -> None:
        """A worker went without being dismissed: suspect its files, hire another."""
        # A worker that ends by itself before it is ready will not do better the next time.
        self.deaths_in_a_row += 1 if gone.worker.ready or gone.killed else MOST_DEATHS_IN_A_ROW // 2
        if self.deaths_in_a_row > MOST_DEATHS_IN_A_ROW:
            raise ScreeningFailed(
                f"Screening processes keep ending before they finish a chunk, the last by {gone.death}. "
                "What they wrote on standard error says why. What was pending still is."
            )
        if gone.killed and not self.options.dry_run:
            attempts.quarantine_or_suspect(gone.worker.name, death=gone.death, run=self.record)
        else:
            attempts.mark_suspect(gone.worker.name)
        crew.hire()

    def _must_stop(self) -> bool:
        limit = self.options.max_seconds
        return self.stopping or (limit is not None and time.monotonic() - self.started >= limit)

    def _dismiss_idle(self, crew: WorkerPool) -> None:
        for worker in [worker for worker in crew.workers if not worker.busy_with and worker.ready]:
            crew.dismiss(worker)
            self.report.stopped_early = True

    def _finish(self, state: ScreeningRun.State) -> None:
        if not self.options.dry_run:
            attempts.cleanup(self.record)
            self.record.refresh_from_db(fields=["counts"])
            self.report.counts = Counter(self.record.counts)
        self.report.seconds = time.monotonic() - self.started
        self.report.work_left = self._pending()
        self.report.stopped_early = self.report.stopped_early and self.report.work_left > 0
        ScreeningRun.objects.filter(pk=self.record.pk).update(
            state=state, finished_at=Now(), counts=dict(self.report.counts), work_left=self.report.work_left
        )
        _unlock(self.record.pk)

    def _pending(self) -> int:
        return self._wanted().received_since(self.options.since).count()

    def _wanted(self) -> UploadQuerySet:
        if self.options.mode == "shadows":
            return needing_shadow_scores(self.shadows)
        if self.options.mode == "rescore":
            versions = [version.pk for version in self.versions]
            return needing_rescreen(Rulebook.of(versions=versions, epochs=self.epochs))
        return Upload.objects.pending().lacking({version.policy_id for version in self.versions})


def versions_in_force(policy: str | None) -> list[PolicyVersion]:
    """The versions that a run goes by, roots and communities.

    Raises:
        ScreeningFailed: there is none.
    """
    versions = PolicyVersion.objects.in_force()
    if policy is not None:
        known = Policy.objects.in_force().values_list("slug", flat=True)
        if policy not in known:
            raise ScreeningFailed(f"No policy {policy!r} is in force. In force: {', '.join(known) or 'none'}.")
        versions = versions.filter(policy__slug=policy)
    if not versions.root().exists():
        raise ScreeningFailed("No policy is in force. Publish one on the thresholds page, or run 'manage.py demo'.")
    return list(versions)


def mark_dead_runs() -> None:
    """Runs whose command is gone are interrupted; what their workers were busy with is screened alone."""
    running = ScreeningRun.objects.filter(state=ScreeningRun.State.RUNNING)
    dead = [run for run in running.values_list("pk", flat=True) if _lock(run)]
    attempts.suspect_all_of(ScreeningRun.objects.filter(pk__in=dead))
    # It may have been dead for long: its end was about when it last committed something.
    ended = Coalesce("worked_until", "started_at")
    running.filter(pk__in=dead).update(state=ScreeningRun.State.INTERRUPTED, finished_at=ended)
    for run in dead:
        _unlock(run)


def _lock(run: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [RUN_LOCKS, run])
        return bool(cursor.fetchone()[0])


def _unlock(run: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [RUN_LOCKS, run])
