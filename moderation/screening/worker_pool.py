"""Worker processes as their command sees them: hired, asked, dismissed, or gone."""

import json
import queue
import signal
import subprocess
import sys
import threading
import uuid
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from django.conf import settings
from django.db import connection

# Settings that a worker takes over from its command, as they may differ from what the environment says.
PASSED_ON = ("UPLOAD_MAX_BYTES", "UPLOAD_MAX_PIXELS", "DECODE_ADDRESS_SPACE", "DECODE_SECONDS", "EXECUTION_PROVIDER")


class Worker:
    """One process. ``busy_with`` is the number of files that it was asked to screen and has not answered for.

    It works on as many chunks at a time as it has lanes; suspect files it takes one by one.
    """

    def __init__(self, setup: dict[str, Any]) -> None:
        self.name = str(uuid.uuid4())
        self.ready = False
        self.exhausted = False
        self.on_suspects = False
        self.busy_with = self.chunks = 0
        self.lanes: int = setup["lanes"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "moderation.screening.worker_main"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=settings.BASE_DIR,
        )
        self._send({**setup, "worker": self.name})

    def ask(self, *, size: int) -> None:
        """Ask for a chunk of up to ``size`` files; 0 asks for one suspect file, alone."""
        self.busy_with += size or 1
        self.chunks += 1
        self._send({"size": size})

    def answered(self, content: dict[str, Any]) -> None:
        """Note its answer: that it is ready, or what became of a chunk."""
        self.ready = True
        if "counts" in content:
            self.busy_with -= content["asked"]
            self.chunks -= 1
            self.exhausted = not content["counts"]["files"]

    @property
    def has_free_lane(self) -> bool:
        return self.chunks < (1 if self.on_suspects else self.lanes)

    def let_go(self) -> None:
        """No more questions: the process ends once it has answered."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            return  # it is gone already, which its reader reports

    def _send(self, content: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(content) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return  # it is gone already, which its reader reports


@dataclass(frozen=True)
class Reply:
    worker: Worker
    content: dict[str, Any]


@dataclass(frozen=True)
class WorkerExited:
    """A worker's process ended without having been dismissed."""

    worker: Worker
    status: int

    @property
    def killed(self) -> bool:
        return self.status < 0

    @property
    def death(self) -> str:
        return f"signal {signal.Signals(-self.status).name}" if self.killed else f"exit status {self.status}"


class WorkerPool:
    """The workers of one run. Leaving the context ends every process that is left."""

    def __init__(self, setup: dict[str, Any]) -> None:
        self.workers: list[Worker] = []
        self._dismissed: list[Worker] = []
        self._events: queue.Queue[Reply | WorkerExited] = queue.Queue()
        self._setup = {
            **setup,
            "database": {key: connection.settings_dict[key] for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT")},
            "settings": {name: getattr(settings, name) for name in PASSED_ON} | {"DATA_DIR": str(settings.DATA_DIR)},
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in [*self.workers, *self._dismissed]:
            worker.let_go()
        for worker in self.workers:
            worker.process.kill()  # only where an error ended the run: a rollback gives its chunk back
        for worker in [*self.workers, *self._dismissed]:
            worker.process.wait()
            assert worker.process.stdout is not None
            worker.process.stdout.close()

    def hire(self) -> None:
        worker = Worker(self._setup)
        self.workers.append(worker)
        threading.Thread(target=self._listen, args=(worker,), daemon=True).start()

    def dismiss(self, worker: Worker) -> None:
        self.workers.remove(worker)
        self._dismissed.append(worker)
        worker.let_go()

    def next_event(self, *, timeout: float) -> Reply | WorkerExited | None:
        """The next answer or death, or None when nothing happened for ``timeout`` seconds."""
        try:
            event = self._events.get(timeout=timeout)
        except queue.Empty:
            return None
        if event.worker not in self.workers:
            return None
        if isinstance(event, WorkerExited):
            self.workers.remove(event.worker)
            self._dismissed.append(event.worker)
        else:
            event.worker.answered(event.content)
        return event

    def _listen(self, worker: Worker) -> None:
        assert worker.process.stdout is not None
        for line in worker.process.stdout:
            self._events.put(Reply(worker, json.loads(line)))
        self._events.put(WorkerExited(worker, worker.process.wait()))
