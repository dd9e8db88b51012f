"""Commands in process groups of their own, and what their processes hold in memory (Linux)."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")
# By what stands in its command line.
ROLES = {"moderation.screening.worker_main": "worker", "moderation.inference": "decoder", "manage.py": "command"}


class Group:
    """``manage.py`` in a session of its own, as on another machine; it can be started again."""

    def __init__(self, environment: dict[str, str], *arguments: str) -> None:
        self.environment, self.arguments = environment, arguments
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", *self.arguments],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    @property
    def succeeded(self) -> bool:
        return self.process.poll() == 0


@dataclass(frozen=True)
class Sample:
    """Resident bytes of a process ``at`` seconds after the beginning, with so many uploads ``done``."""

    at: float
    done: int
    pid: int
    role: str
    resident: int


@dataclass(frozen=True)
class Process:
    pid: int
    role: str
    resident: int

    def sample(self, at: float, done: int) -> Sample:
        return Sample(at, done, self.pid, self.role, self.resident)


def processes_of(group: Group) -> Iterator[Process]:
    """Every process of the group's session that lives."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # pid (name) state parent group session ...; a name may hold anything.
            session = int((folder / "stat").read_text().rpartition(")")[2].split()[3])
            if session == group.pid:
                yield _read(folder)
        except (FileNotFoundError, ProcessLookupError):  # it ended while we looked
            continue


def _read(folder: Path) -> Process:
    command = (folder / "cmdline").read_bytes().decode(errors="replace")
    role = next((role for part, role in ROLES.items() if part in command), "other")
    resident = int((folder / "statm").read_text().split()[1]) * PAGE
    return Process(int(folder.name), role, resident)
