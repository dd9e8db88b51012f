"""Find the running server by its postmaster.pid, and check that the process is a PostgreSQL server."""

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
    """Return the server that runs on `cluster`; None if there is none, or its pid belongs to another program now."""
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
    """Whether process `pid` exists and is a PostgreSQL server on `cluster`."""
    program, *arguments = _command_line(pid) or [""]
    if Path(program).name != "postgres":
        return False
    return str(cluster) in arguments or _works_in(pid, cluster)


def _works_in(pid: int, cluster: Path) -> bool:
    """Whether the process's working directory is `cluster`, even after the folder was moved."""
    try:
        return (PROC / str(pid) / "cwd").samefile(cluster)
    except OSError:  # not Linux, just ended, or not allowed to a container's root
        return False


def _command_line(pid: int) -> list[str]:
    if (PROC / "self").exists():
        try:
            return [os.fsdecode(part) for part in (PROC / str(pid) / "cmdline").read_bytes().split(b"\0")]
        except OSError:
            return []
    found = subprocess.run(["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False)
    # ps joins the arguments by spaces; the server's are -D, the folder, -c and so on.
    return found.stdout.strip().replace(" -D ", "\0").replace(" -c ", "\0").split("\0")


def clear_stale_files(cluster: Path, *, sockets: Path) -> None:
    """Remove the files of a killed server. Call it only while holding the lock, and if the server has ended.

    PostgreSQL does so itself, unless the pid in these files belongs to another process of its account now, or a full
    disk left them empty. It still refuses to start beside a live backend, by its shared memory.
    """
    for name in (cluster / "postmaster.pid", *sockets.glob(".s.PGSQL.*.lock")):
        name.unlink(missing_ok=True)
