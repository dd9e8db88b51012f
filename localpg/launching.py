"""Starting and ending the server's process."""

import os
import shlex
import signal
import time
from pathlib import Path

from localpg.errors import ClusterError, StartTimedOutError, StopTimedOutError, error_from_output
from localpg.places import Place
from localpg.running import Runner
from localpg.server import Server, clear_stale_files, find_server, serves

START_SECONDS = 60.0
STOP_SECONDS = 60.0
KILL_SECONDS = 10.0
PAUSE = 0.02
TAIL_LINES = 15
# A killed server's last backends hold its memory until they notice; they end by themselves.
STILL_ENDING = "shared memory block"

# The shell holds the lock, as its standard input, until pg_ctl has seen the server come up; the server does
# not get it. So a killed starter leaves either no server or one that can be found before the lock is free.
# No word of this may run in the shell's place, hence the exit.
HOLD_LOCK = '"$@" </dev/null; exit $?'


def launch(place: Place, *, runner: Runner) -> None:
    """Start the server, or wait for one that is coming up, until it is ready.

    Raises:
        StartFailedError, StartTimedOutError, DiskFullError, FolderNotWritableError: with the log's end.
    """
    deadline = time.monotonic() + START_SECONDS
    while (server := find_server(place.cluster)) is None or server.state != "ready":
        if time.monotonic() > deadline:
            raise _timed_out(place, server)
        if server is None:
            _try_launch(place, runner=runner)
        else:
            time.sleep(PAUSE)


def _try_launch(place: Place, *, runner: Runner) -> None:
    clear_stale_files(place.cluster, sockets=place.sockets)
    (place.logs / "start.log").unlink(missing_ok=True)
    options = shlex.join(["-D", str(place.cluster), "-c", f"config_file={place.folder / 'postgresql.conf'}"])
    control = [runner.path("pg_ctl"), "start", "--wait", "--silent", f"--timeout={START_SECONDS:.0f}"]
    done = runner.run(
        ["/bin/sh", "-c", HOLD_LOCK, "sh", *control, "--log=start.log", f"--options={options}"],
        folder=place.logs,
        # Not as an argument: pg_ctl would put it between bare double quotes.
        environment={"PGDATA": str(place.cluster)},
    )
    if done.returncode and find_server(place.cluster) is None:
        _wait_or_raise(place, done.stdout)


def _wait_or_raise(place: Place, output: str) -> None:
    said = f"{output.strip()}\n{last_lines(place)}".strip()
    if STILL_ENDING not in said:
        raise error_from_output(said, doing="starting", folder=place.folder)
    time.sleep(10 * PAUSE)


def _timed_out(place: Place, server: Server | None) -> ClusterError:
    now = f"It is {server.state} as process {server.pid}" if server else "It does not run"
    return StartTimedOutError(
        f"PostgreSQL in {place.cluster} was not ready after {START_SECONDS:.0f} seconds. {now}. "
        f"After a crash it may need longer: start again to wait on. Its log ends:\n{last_lines(place)}"
    )


def last_lines(place: Place) -> str:
    """Return the end of what the server said at its last start: before it had a log, then in its log."""
    first = place.logs / "start.log"
    logs = sorted([*place.logs.glob("server-*.log"), first], key=_changed)
    files = logs[logs.index(first) :]  # an older log is of an older start
    return "\n".join(line for path in files if path.exists() for line in _tail(path))


def _changed(path: Path) -> float:
    return path.stat().st_mtime if path.exists() else 0.0


def _tail(path: Path) -> list[str]:
    return path.read_text(errors="replace").splitlines()[-TAIL_LINES:]


def end(place: Place, *, gently: bool) -> None:
    """Stop the server and wait until its process has gone.

    Raises:
        StopTimedOutError: it does not even end when told to leave everything.
    """
    if (server := find_server(place.cluster)) is None:
        return
    if gently and _ends(server, place.cluster, by=signal.SIGINT, seconds=STOP_SECONDS):
        return
    if not _ends(server, place.cluster, by=signal.SIGQUIT, seconds=KILL_SECONDS):
        raise StopTimedOutError(
            f"PostgreSQL (process {server.pid}, {place.cluster}) did not end. Look at {place.logs} and at "
            "the disk, and stop it again. Its data are safe: it recovers at the next start."
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
