"""Commands in process groups of their own, and the resident memory of their processes (Linux)."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")
# The role of a process, by a part of its command line.
ROLES = {"moderation.screening.worker_main": "worker", "moderation.decoding.child": "decoder", "manage.py": "command"}


class Group:
    """``manage.py`` in a session of its own, as on another machine. ``start()`` starts it again after it has ended."""

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
    """The resident bytes of a process ``at`` seconds after the start, when ``done`` uploads were done."""

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
    """Yield every running process of the group's session."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # pid (name) state parent group session ...; a name may contain spaces and parentheses.
            session = int((folder / "stat").read_text().rpartition(")")[2].split()[3])
            if session == group.pid:
                yield _read(folder)
        except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            continue


def _read(folder: Path) -> Process:
    command = (folder / "cmdline").read_bytes().decode(errors="replace")
    role = next((role for part, role in ROLES.items() if part in command), "other")
    resident = int((folder / "statm").read_text().split()[1]) * PAGE
    return Process(int(folder.name), role, resident)
