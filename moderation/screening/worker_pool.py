"""The worker processes of a run, as their command sees them."""

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

# Settings that a worker takes over from its command: they may differ from those of the environment.
PASSED_ON = ("UPLOAD_MAX_BYTES", "UPLOAD_MAX_PIXELS", "DECODE_ADDRESS_SPACE", "DECODE_SECONDS", "EXECUTION_PROVIDER")


class Worker:
    """One process. It works on as many chunks at a time as it has threads, and on suspect files one by one.

    Attributes:
        ready: whether it has loaded the classifiers.
        exhausted: whether its last chunk was empty.
        on_suspects: whether it is past all other files.
        busy_with: the number of files that were requested and not answered yet.
        chunks: the number of chunks that were requested and not answered yet.
    """

    def __init__(self, setup: dict[str, Any]) -> None:
        self.name = str(uuid.uuid4())
        self.ready = False
        self.exhausted = False
        self.on_suspects = False
        self.busy_with = self.chunks = 0
        self.threads: int = setup["threads"]
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

    def note_answer(self, content: dict[str, Any]) -> None:
        """Note an answer: it is ready, or a chunk is done."""
        self.ready = True
        if "counts" in content:
            self.busy_with -= content["asked"]
            self.chunks -= 1
            self.exhausted = content["empty"]

    @property
    def has_free_thread(self) -> bool:
        return self.chunks < (1 if self.on_suspects else self.threads)

    def close_stdin(self) -> None:
        """Request nothing more: the process ends once it has answered."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            return  # the process has ended, which its reader reports

    def _send(self, content: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(content) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return  # the process has ended, which its reader reports


@dataclass(frozen=True)
class Reply:
    """One line that a worker wrote."""

    worker: Worker
    content: dict[str, Any]


@dataclass(frozen=True)
class WorkerExited:
    """A worker's process ended although it was not stopped."""

    worker: Worker
    status: int

    @property
    def killed(self) -> bool:
        """Whether a signal ended it."""
        return self.status < 0

    @property
    def death(self) -> str:
        return f"signal {signal.Signals(-self.status).name}" if self.killed else f"exit status {self.status}"


class WorkerPool:
    """The workers of one run. Leaving the context ends every process."""

    def __init__(self, setup: dict[str, Any]) -> None:
        self.workers: list[Worker] = []
        self._stopped: list[Worker] = []
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
        for worker in [*self.workers, *self._stopped]:
            worker.close_stdin()
        for worker in self.workers:
            worker.process.kill()  # after an error of the run: the rollback gives the worker's files back
        for worker in [*self.workers, *self._stopped]:
            worker.process.wait()
            assert worker.process.stdout is not None
            worker.process.stdout.close()

    def start(self) -> None:
        """Start one more worker."""
        worker = Worker(self._setup)
        self.workers.append(worker)
        threading.Thread(target=self._listen, args=(worker,), daemon=True).start()

    def stop(self, worker: Worker) -> None:
        """Let ``worker`` end; it finishes the chunks that it is busy with."""
        self.workers.remove(worker)
        self._stopped.append(worker)
        worker.close_stdin()

    def next_event(self, *, timeout: float) -> Reply | WorkerExited | None:
        """Return the next answer or exit, or None if nothing happened for ``timeout`` seconds."""
        try:
            event = self._events.get(timeout=timeout)
        except queue.Empty:
            return None
        if event.worker not in self.workers:
            return None
        if isinstance(event, WorkerExited):
            self.workers.remove(event.worker)
            self._stopped.append(event.worker)
        else:
            event.worker.note_answer(event.content)
        return event

    def _listen(self, worker: Worker) -> None:
        assert worker.process.stdout is not None
        for line in worker.process.stdout:
            self._events.put(Reply(worker, json.loads(line)))
        self._events.put(WorkerExited(worker, worker.process.wait()))
