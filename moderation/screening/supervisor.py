"""The command's half of the pre-screen: starts workers, hands out chunks, watches for deaths, keeps the record."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from moderation.models import ScreeningRun
from moderation.screening import attempts
from moderation.screening.modes import wanted_uploads
from moderation.screening.runs import (
    RunOptions,
    RunReport,
    RunRules,
    ScreeningFailed,
    begin_run,
    end_run,
    mark_dead_runs,
)
from moderation.screening.worker_pool import Reply, Worker, WorkerExited, WorkerPool

# Most files of one chunk.
CHUNK = 64
# Most uploads of one chunk, over all its files. Ordinary chunks have about one upload for each file.
MOST_UPLOADS = 1_000
# Chunks at a time in one worker: while one is written, the classifiers compute for the other.
THREADS = 2
# After this many deaths in a row without a finished chunk, the cause is not a file.
MOST_DEATHS_IN_A_ROW = 12


class Supervisor:
    """Runs the pre-screen once.

    1. Read the rules, mark dead runs, record this one (``runs``).
    2. Start workers. Each answers when it is ready, and then after each chunk.
    3. After each answer, hand out the next chunks. A worker whose chunk was empty gets the suspect files, one by one,
       then it is stopped.
    4. Start another worker for each that dies.
    5. Record how the run ended.
    """

    def __init__(self, options: RunOptions, *, on_progress: Callable[[RunReport, int], None]) -> None:
        self.options, self.on_progress = options, on_progress
        self.stopping = False
        self.started = time.monotonic()
        self.deaths_in_a_row = 0

    def stop(self) -> None:
        """Hand out no more chunks; the workers finish and commit theirs."""
        self.stopping = True

    def run(self) -> RunReport:
        """Screen the uploads that the options name, and return the report.

        Raises:
            ScreeningFailed: no policy is in force, a classifier is not the registered one, or workers keep dying.
        """
        self.rules = RunRules.in_force(policy=self.options.policy, mode=self.options.mode)
        self.rulebook = self.rules.rulebook()
        mark_dead_runs()
        self.record = begin_run(self.options, rules=self.rules)
        self.report = RunReport(run=self.record.pk)
        self.total = self._count_wanted()
        try:
            if self.total:
                self._work()
        except BaseException:  # Ctrl-C too: the record must show how the run ended
            self._finish(ScreeningRun.State.FAILED)
            raise
        self._finish(ScreeningRun.State.STOPPED if self.report.stopped_early else ScreeningRun.State.DONE)
        return self.report

    def _work(self) -> None:
        with WorkerPool(self._setup()) as pool:
            for _ in range(1 if self.options.dry_run else self.options.processes):
                pool.start()
            while pool.workers:
                event = pool.next_event(timeout=0.5)
                if isinstance(event, Reply):
                    self._on_reply(pool, event)
                elif isinstance(event, WorkerExited):
                    self._on_exit(pool, event)
                if self._must_stop():
                    self._stop_idle(pool)

    def _setup(self) -> dict[str, Any]:
        """The first line that each worker reads."""
        return {
            "run": self.record.pk,
            "versions": self.rules.versions,
            "epochs": self.rules.epochs,
            "shadows": self.rules.shadows,
            "dry_run": self.options.dry_run,
            "mode": self.options.mode,
            "most_uploads": MOST_UPLOADS,
            "since": self.options.as_json()["since"],
            # A dry run leaves no mark on its files, so two threads would screen the same ones.
            "threads": 1 if self.options.dry_run else THREADS,
        }

    def _on_reply(self, pool: WorkerPool, reply: Reply) -> None:
        if error := reply.content.get("error"):
            raise ScreeningFailed(error)
        if "counts" in reply.content:
            if not reply.content["empty"]:  # an empty chunk proves nothing: every new worker can do that
                self.deaths_in_a_row = 0
            self.report.counts.update(Counter(reply.content["counts"]))
            self.report.seconds = time.monotonic() - self.started
            self.on_progress(self.report, self.total)
        self._hand_out(pool, reply.worker)

    def _hand_out(self, pool: WorkerPool, worker: Worker) -> None:
        """Request the next chunks of ``worker``, or stop it."""
        while not worker.exhausted and worker.has_free_thread and (size := self._next_size(pool)):
            worker.ask(size=0 if worker.on_suspects else size)
        if not worker.chunks:
            self._hand_out_suspect(pool, worker)

    def _hand_out_suspect(self, pool: WorkerPool, worker: Worker) -> None:
        if not self._next_size(pool):
            self.report.stopped_early = True
            pool.stop(worker)
        elif not worker.on_suspects:
            worker.on_suspects, worker.exhausted = True, False
            worker.ask(size=0)
        else:
            pool.stop(worker)

    def _next_size(self, pool: WorkerPool) -> int:
        """Return how many files to hand out: fewer towards the end, so that all workers finish together."""
        if self._must_stop():
            return 0
        requested = sum(worker.busy_with for worker in pool.workers)
        done = self.report.counts["files"]
        fair = max(4, (self.total - done - requested) // (2 * len(pool.workers)))
        left = CHUNK if self.options.limit is None else self.options.limit - done - requested
        return max(0, min(CHUNK, fair, left))

    def _on_exit(self, pool: WorkerPool, exited: WorkerExited) -> None:
        """Handle the files of a worker that was not stopped, and start another one."""
        # A worker that ends by itself before it is ready will not do better the next time.
        self.deaths_in_a_row += 1 if exited.worker.ready or exited.killed else MOST_DEATHS_IN_A_ROW // 2
        if self.deaths_in_a_row > MOST_DEATHS_IN_A_ROW:
            raise ScreeningFailed(
                f"Screening processes keep ending before they finish a chunk, the last by {exited.death}. Unfinished "
                "uploads are still pending. See the processes' standard error for the cause."
            )
        if exited.killed and not self.options.dry_run:
            attempts.quarantine_or_suspect(exited.worker.name, death=exited.death, run=self.record)
        else:
            attempts.mark_suspect(exited.worker.name)
        pool.start()

    def _must_stop(self) -> bool:
        limit = self.options.max_seconds
        return self.stopping or (limit is not None and time.monotonic() - self.started >= limit)

    def _stop_idle(self, pool: WorkerPool) -> None:
        for worker in [worker for worker in pool.workers if not worker.busy_with and worker.ready]:
            pool.stop(worker)
            self.report.stopped_early = True

    def _finish(self, state: ScreeningRun.State) -> None:
        if not self.options.dry_run:
            attempts.cleanup(self.record)
            self.record.refresh_from_db(fields=["counts"])
            self.report.counts = Counter(self.record.counts)
        self.report.seconds = time.monotonic() - self.started
        self.report.work_left = self._count_wanted()
        self.report.stopped_early = self.report.stopped_early and self.report.work_left > 0
        end_run(self.report, state=state)

    def _count_wanted(self) -> int:
        return wanted_uploads(self.options.mode, rulebook=self.rulebook, since=self.options.since).count()
