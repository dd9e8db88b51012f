"""The parent's side of one decode process: start it, send requests, wait by the parent's clock, end it."""

import contextlib
import fcntl
import os
import select
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from moderation.decoding.images import DecodeLimits, Reason
from moderation.decoding.plan import WHOLE_PICTURES, ViewPlan
from moderation.decoding.preprocessing import Preprocessing
from moderation.decoding.protocol import BadMessage, Message, read_message, write_message

_PACKAGE_ROOT = Path(__file__).resolve().parents[2]
#: Room for several answers, so that the process can decode while its parent computes.
_PIPE_BYTES = 1 << 20
#: Start-up reads Python and Pillow from disk, which takes long on a busy machine.
_START_SECONDS = 60.0
#: Time between the end of a pipe and the end of its process.
_END_SECONDS = 5.0


class SandboxUnavailable(RuntimeError):
    """No decode process can be started. The cause is the installation, never a file."""


class ChildLost(Exception):
    """The process died or was late, and was ended."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class DecoderChild:
    """A running decode process. Not thread-safe: only one caller may use it at a time."""

    def __init__(
        self, *, limits: DecodeLimits, preprocessings: Sequence[Preprocessing], plan: ViewPlan = WHOLE_PICTURES
    ) -> None:
        """Start the process and wait until it is ready.

        Raises:
            SandboxUnavailable: it did not start; the message contains the last line that it wrote.
        """
        self.owner = os.getpid()
        self._seconds = limits.seconds
        self._process, self._lifeline = _start()
        self._finalizer = weakref.finalize(self, _end, self._process, self._lifeline)
        setup = {"preprocessings": [each.as_json() for each in preprocessings], "plan": plan.as_json()}
        self.send({"limits": asdict(limits), **setup})
        try:
            self._receive(seconds=_START_SECONDS)
        except ChildLost as lost:
            raise SandboxUnavailable(
                f"the decode process did not start: {lost.detail}. Check that Pillow is installed and that "
                f"{limits.address_space} bytes of address space are enough"
            ) from lost

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, request: Mapping[str, Any]) -> None:
        """Send a request. If the process has ended, the next ``receive`` raises ChildLost."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            write_message(self._process.stdin, request)  # type: ignore[arg-type]

    def receive(self, *, seconds: float | None = None) -> Message:
        """Wait for the next answer, at most ``seconds``, or ``limits.seconds``.

        Raises:
            ChildLost: the process died, was late or sent an invalid message; it is ended.
        """
        return self._receive(seconds=self._seconds if seconds is None else seconds)

    def end(self) -> None:
        """Kill the process and wait for its end. May be called twice."""
        self._finalizer()

    def _receive(self, *, seconds: float) -> Message:
        deadline = time.monotonic() + seconds
        try:
            return read_message(lambda count: self._read_exactly(count, deadline=deadline))
        except BadMessage as error:
            raise self._lost(Reason.DECODER_DIED, f"the decode process sent an invalid message: {error}") from error
        except TimeoutError as error:
            raise self._lost(Reason.TIMED_OUT, f"no answer within {seconds:g} seconds") from error
        except EOFError as error:
            raise self._ended() from error

    def _read_exactly(self, count: int, *, deadline: float) -> bytearray:
        assert self._process.stdout is not None
        descriptor, buffer, done = self._process.stdout.fileno(), bytearray(count), 0
        view = memoryview(buffer)
        while done < count:
            _wait_readable(descriptor, deadline=deadline)
            read = os.readv(descriptor, [view[done:]])
            if read == 0:
                raise EOFError
            done += read
        return buffer

    def _ended(self) -> ChildLost:
        detail = self._end_description()
        # The kernel ended it for using too much CPU time, which happens when the parent's clock is not read in time.
        late = self._process.returncode == -signal.SIGXCPU
        return self._lost(Reason.TIMED_OUT if late else Reason.DECODER_DIED, detail)

    def _end_description(self) -> str:
        """Return how the process ended and the last line that it wrote to stderr."""
        assert self._process.stderr is not None
        try:
            status = self._process.wait(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            return "the decode process closed its pipe and kept running"
        how = f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
        lines = (self._process.stderr.read() or b"").decode("utf-8", "replace").splitlines()
        return f"the decode process ended with {how}" + (f" ({lines[-1][:200]})" if lines else "")

    def _lost(self, reason: Reason, detail: str) -> ChildLost:
        self.end()
        return ChildLost(reason, detail)


def _start() -> tuple[subprocess.Popen[bytes], int]:
    """Start the process. The returned descriptor is the lifeline: the process ends when it is closed."""
    child_end, parent_end = os.pipe()
    try:
        process = subprocess.Popen(
            # -P: do not import from the working directory. -W: warnings about hostile files would fill the log.
            [sys.executable, "-P", "-B", "-W", "ignore", "-m", "moderation.decoding.child", str(child_end)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=_environment(), cwd="/", pass_fds=(child_end,), process_group=0, bufsize=-1,
        )  # fmt: skip
    finally:
        os.close(child_end)
    assert process.stdout is not None
    with contextlib.suppress(PermissionError):  # above the user's pipe quota; smaller pipes only cost time
        fcntl.fcntl(process.stdout.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return process, parent_end


def _end(process: subprocess.Popen[bytes], lifeline: int) -> None:
    process.kill()
    process.wait()
    os.close(lifeline)
    for stream in (process.stdin, process.stdout, process.stderr):
        assert stream is not None
        with contextlib.suppress(BrokenPipeError):  # a request that was never read
            stream.close()


def _environment() -> dict[str, str]:
    """Return an environment with the paths of the libraries, one thread for each, and no secrets."""
    path = [str(_PACKAGE_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **{name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ},
        "PYTHONPATH": os.pathsep.join(path),
        "LC_ALL": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "1",
    }


def _wait_readable(descriptor: int, *, deadline: float) -> None:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
        raise TimeoutError
