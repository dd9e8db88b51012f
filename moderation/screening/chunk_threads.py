"""Several chunks at a time in one worker: while one is written down, the network computes for another."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from queue import SimpleQueue
from typing import Any, TextIO

from django.db import connections

from moderation.screening.chunk import Chunk, Screener

Answer = Callable[[dict[str, Any]], None]


class ChunkThreads:
    """Threads that take requests in turn. Each has database connections and decode processes of its own."""

    def __init__(self, screener: Screener, *, count: int, answer: Answer) -> None:
        self.screener, self.count, self.answer = screener, count, answer
        self._requests: SimpleQueue[int | None] = SimpleQueue()

    def work(self, lines: TextIO) -> None:
        """Do what ``lines`` ask for until they end. An error of one lane is raised once the others are through."""
        threading.Thread(target=self._read, args=(lines,), daemon=True).start()
        with ThreadPoolExecutor(self.count) as pool:
            try:
                for lane in as_completed([pool.submit(self._lane) for _ in range(self.count)]):
                    lane.result()
            finally:
                self._end()

    def _read(self, lines: TextIO) -> None:
        for line in lines:
            self._requests.put(json.loads(line)["size"])
        self._end()

    def _end(self) -> None:
        for _ in range(self.count):
            self._requests.put(None)

    def _lane(self) -> None:
        try:
            while (size := self._requests.get()) is not None:
                self.answer({"asked": size or 1, "counts": dict(self._chunk(size).counts)})
        finally:
            connections.close_all()

    def _chunk(self, size: int) -> Chunk:
        return self.screener.next_chunk(size) if size else self.screener.next_suspect()
