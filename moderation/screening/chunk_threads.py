"""Several chunks at a time in one worker: while one is written, the classifiers compute for another."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from queue import SimpleQueue
from typing import Any, TextIO

from django.db import connections

from moderation.screening.chunk import Chunk, ChunkRunner

Answer = Callable[[dict[str, Any]], None]


class ChunkThreads:
    """Threads that take requests in turn. Each has its own database connections and decode processes."""

    def __init__(self, runner: ChunkRunner, *, count: int, answer: Answer) -> None:
        self.runner, self.count, self.answer = runner, count, answer
        self._requests: SimpleQueue[int | None] = SimpleQueue()

    def work(self, lines: TextIO) -> None:
        """Run the chunks that ``lines`` request, until they end. A thread's error is raised when all have ended."""
        threading.Thread(target=self._read, args=(lines,), daemon=True).start()
        with ThreadPoolExecutor(self.count) as pool:
            try:
                for thread in as_completed([pool.submit(self._run) for _ in range(self.count)]):
                    thread.result()
            finally:
                self._end()

    def _read(self, lines: TextIO) -> None:
        for line in lines:
            self._requests.put(json.loads(line)["size"])
        self._end()

    def _end(self) -> None:
        for _ in range(self.count):
            self._requests.put(None)

    def _run(self) -> None:
        try:
            while (size := self._requests.get()) is not None:
                chunk = self._chunk(size)
                self.answer({"asked": size or 1, "counts": dict(chunk.counts), "empty": chunk.is_empty})
        finally:
            connections.close_all()

    def _chunk(self, size: int) -> Chunk:
        return self.runner.next_chunk(size) if size else self.runner.next_suspect()
