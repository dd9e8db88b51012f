"""The running server, known by its postmaster.pid and by what the process really is."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
STATE_LINE = 7


@dataclass(frozen=True)
class Server:
    pid: int
    state: str  # starting, ready, stopping


def find_server(cluster: Path) -> Server | None:
    """Return the server that runs on ``cluster``. A pid that now belongs to something else is no server."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not lines or not lines[0].strip().isdigit():
        return None
    pid = int(lines[0])
    state = lines[STATE_LINE].strip() if len(lines) > STATE_LINE else "starting"
    return Server(pid, state) if serves(pid, cluster=cluster) else None


def serves(pid: int, *, cluster: Path) -> bool:
    """Whether process ``pid`` lives and is a PostgreSQL server on ``cluster``."""
    program, *arguments = _command_line(pid) or [""]
    if Path(program).name != "postgres":
        return False
    return str(cluster) in arguments or _works_in(pid, cluster)


def _works_in(pid: int, cluster: Path) -> bool:
    """Whether the process sits in ``cluster``, which stays true when the folder is moved."""
    try:
        return (PROC / str(pid) / "cwd").samefile(cluster)
    except OSError:  # not Linux, ended just now, or a container's root that may not look
        return False


def _command_line(pid: int) -> list[str]:
    if (PROC / "self").exists():
        try:
            return [os.fsdecode(part) for part in (PROC / str(pid) / "cmdline").read_bytes().split(b"\0")]
        except OSError:
            return []
    found = subprocess.run(["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False)
    # ps joins the arguments by spaces; ours are -D, the folder, -c and so on.
    return found.stdout.strip().replace(" -D ", "\0").replace(" -c ", "\0").split("\0")


def clear_stale_files(cluster: Path, *, sockets: Path) -> None:
    """Remove what a killed server left. Only while nobody else starts it, and when it is known to be dead.

    PostgreSQL would do so itself, unless the pid in these files now belongs to another process of its account
    or the disk was full and left them empty. It still refuses, by its shared memory, beside a live backend.
    """
    for name in (cluster / "postmaster.pid", *sockets.glob(".s.PGSQL.*.lock")):
        name.unlink(missing_ok=True)
