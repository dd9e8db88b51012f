"""The greatest resident memory of a command's processes, by kind, looked at while it runs."""

import threading
from pathlib import Path
from types import TracebackType
from typing import Self

#: What tells the product's processes apart, in their command lines.
KINDS = {"worker": "moderation.screening.worker", "decode process": "moderation.inference.decoder"}
INTERVAL = 0.2


class Watch:
    """Looks at every process below one, until the context ends. Linux alone tells; elsewhere nothing is found."""

    def __init__(self, root: int) -> None:
        self.root = root
        self.megabytes: dict[str, float] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look_on, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _look_on(self) -> None:
        while not self._ended.wait(INTERVAL):
            for process in descendants(self.root):
                self._look_at(Path(f"/proc/{process}"))

    def _look_at(self, folder: Path) -> None:
        try:
            command = (folder / "cmdline").read_text()
            lines = (folder / "status").read_text().splitlines()
        except OSError:
            return  # it has ended since
        greatest = [int(line.split()[1]) / 1000 for line in lines if line.startswith("VmHWM:")]
        for kind, sign in KINDS.items():
            if sign in command and greatest:
                self.megabytes[kind] = max(self.megabytes.get(kind, 0.0), *greatest)


def descendants(root: int) -> list[int]:
    """The processes below ``root``, as far as they can be seen."""
    found, waiting = [], [root]
    while waiting:
        for task in Path(f"/proc/{waiting.pop()}/task").glob("*/children"):
            try:
                children = [int(child) for child in task.read_text().split()]
            except OSError:
                continue  # it has ended since
            found += children
            waiting += children
    return found
