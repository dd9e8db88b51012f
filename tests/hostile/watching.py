"""Record the peak memory of all processes that the tests start."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.hostile.measuring import peak

_PAUSE_SECONDS = 0.03


class MemoryWatch:
    """``peaks``: the highest resident bytes, by the module that a descendant process runs.

    Samples repeatedly, because the peak of an ended process cannot be read. The time after its last sample is missed.
    """

    def __init__(self, *, pause: float = _PAUSE_SECONDS) -> None:
        """``pause``: the seconds between two samples."""
        self.pause = pause
        self.peaks: dict[str, int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(self.pause):
            for pid in descendants(os.getpid()):
                if module := started_as(pid):
                    self.peaks[module] = max(self.peaks.get(module, 0), peak(pid))


def descendants(pid: int) -> Iterator[int]:
    for child in children(pid):
        yield child
        yield from descendants(child)


def children(pid: int) -> list[int]:
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += map(int, path.read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue  # the thread has ended meanwhile
    return found


def started_as(pid: int) -> str:
    """Return the module of ``python -m MODULE``, or "" for another process."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return words[words.index("-m") + 1] if "-m" in words else ""
