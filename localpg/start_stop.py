"""Start and stop the server's process."""

import os
import shlex
import signal
import time
from pathlib import Path

from localpg.cluster_folders import ClusterFolders
from localpg.errors import ClusterError, StartTimedOutError, StopTimedOutError, error_from_output
from localpg.runner import Runner
from localpg.server import Server, clear_stale_files, find_server, serves

START_SECONDS = 60.0
STOP_SECONDS = 60.0
KILL_SECONDS = 10.0
PAUSE = 0.02
TAIL_LINES = 15
# A killed server's last backends hold its shared memory until they notice; then they end by themselves.
STILL_ENDING = "shared memory block"

# The shell holds the lock, as its standard input, until pg_ctl has seen the server come up; the server itself does
# not inherit it. So a killed starter leaves either no server or one that can be found before the lock is released.
# The exit keeps the shell from replacing itself by the command.
HOLD_LOCK = '"$@" </dev/null; exit $?'


def launch(folders: ClusterFolders, *, runner: Runner) -> None:
    """Start the server, or wait for one that is starting, until it is ready.

    Raises:
        StartFailedError, StartTimedOutError, DiskFullError, FolderNotWritableError: with the end of the log.
    """
    deadline = time.monotonic() + START_SECONDS
    while (server := find_server(folders.cluster)) is None or server.state != "ready":
        if time.monotonic() > deadline:
            raise _timed_out(folders, server)
        if server is None:
            _try_launch(folders, runner=runner)
        else:
            time.sleep(PAUSE)


def _try_launch(folders: ClusterFolders, *, runner: Runner) -> None:
    clear_stale_files(folders.cluster, sockets=folders.sockets)
    (folders.logs / "start.log").unlink(missing_ok=True)
    options = shlex.join(["-D", str(folders.cluster), "-c", f"config_file={folders.folder / 'postgresql.conf'}"])
    control = [runner.path("pg_ctl"), "start", "--wait", "--silent", f"--timeout={START_SECONDS:.0f}"]
    done = runner.run(
        ["/bin/sh", "-c", HOLD_LOCK, "sh", *control, "--log=start.log", f"--options={options}"],
        folder=folders.logs,
        # Not as an argument: pg_ctl would put it in double quotes without escaping.
        environment={"PGDATA": str(folders.cluster)},
    )
    if done.returncode and find_server(folders.cluster) is None:
        _wait_or_raise(folders, done.stdout)


def _wait_or_raise(folders: ClusterFolders, output: str) -> None:
    printed = f"{output.strip()}\n{last_lines(folders)}".strip()
    if STILL_ENDING not in printed:
        raise error_from_output(printed, doing="starting", folder=folders.folder)
    time.sleep(10 * PAUSE)


def _timed_out(folders: ClusterFolders, server: Server | None) -> ClusterError:
    now = f"It is {server.state} as process {server.pid}" if server else "It does not run"
    return StartTimedOutError(
        f"PostgreSQL in {folders.cluster} was not ready after {START_SECONDS:.0f} seconds. {now}. "
        f"After a crash it may need longer: start it again to keep waiting. The end of its log:\n{last_lines(folders)}"
    )


def last_lines(folders: ClusterFolders) -> str:
    """Return the end of the server's output at its last start: before it had a log, then in its log."""
    first = folders.logs / "start.log"
    logs = sorted([*folders.logs.glob("server-*.log"), first], key=_changed)
    files = logs[logs.index(first) :]  # an older log belongs to an older start
    return "\n".join(line for path in files if path.exists() for line in _tail(path))


def _changed(path: Path) -> float:
    return path.stat().st_mtime if path.exists() else 0.0


def _tail(path: Path) -> list[str]:
    return path.read_text(errors="replace").splitlines()[-TAIL_LINES:]


def end(folders: ClusterFolders, *, gently: bool) -> None:
    """Stop the server and wait until its process has ended.

    Raises:
        StopTimedOutError: it does not end even after the signal for an immediate shutdown.
    """
    if (server := find_server(folders.cluster)) is None:
        return
    if gently and _ends(server, folders.cluster, by=signal.SIGINT, seconds=STOP_SECONDS):
        return
    if not _ends(server, folders.cluster, by=signal.SIGQUIT, seconds=KILL_SECONDS):
        raise StopTimedOutError(
            f"PostgreSQL (process {server.pid}, {folders.cluster}) did not end. Its data are safe: it recovers "
            f"at the next start. See {folders.logs}, check the disk, and stop it again."
        )


def _ends(server: Server, cluster: Path, *, by: signal.Signals, seconds: float) -> bool:
    try:
        os.kill(server.pid, by)
    except ProcessLookupError:
        return True
    deadline = time.monotonic() + seconds
    while serves(server.pid, cluster=cluster) and time.monotonic() < deadline:
        time.sleep(PAUSE)
    return not serves(server.pid, cluster=cluster)
