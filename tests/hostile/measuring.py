"""A sandbox that measures the cost of each file: time, and the decode process's peaks of resident and mapped memory."""

import contextlib
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from moderation.decoding.images import DecodeLimits, Reason
from moderation.decoding.plan import ViewPlan
from moderation.decoding.preprocessing import Preprocessing, Resize
from moderation.decoding.process import DecoderChild
from moderation.decoding.sandbox import DecodedFile, RefusedFile, Sandbox
from tests.hostile.case import READ

#: Time limits that no ordinary file reaches, even on a busy machine.
PATIENT = DecodeLimits(seconds=120.0, probe_seconds=120.0)

SMALL = Preprocessing("small", Resize("exact", (8, 8), "bilinear"), None, False, False)


@dataclass(frozen=True, slots=True)
class Cost:
    """The outcome and the cost of one file.

    Attributes:
        outcome: ``READ`` or a reason.
        resident, address_space: the decode process's peaks, in bytes.
        children: the number of decode processes that were started.
    """

    path: Path
    outcome: str
    detail: str
    seconds: float
    resident: int
    address_space: int
    children: int


def peak(pid: int, *, field: str = "VmHWM") -> int:
    """Return the peak in bytes that the kernel reports, or 0 if the process has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(field + ":")), 0)


class MeasuredChild(DecoderChild):
    """Reads its peaks before it is ended; they cannot be read afterwards."""

    resident = 0
    address_space = 0

    def note(self) -> None:
        self.resident = max(self.resident, peak(self.pid))
        self.address_space = max(self.address_space, peak(self.pid, field="VmPeak"))

    def forget(self) -> None:
        """Reset the resident peak. The kernel cannot reset that of the address space."""
        self.resident = 0
        with contextlib.suppress(OSError):
            Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def end(self) -> None:
        self.note()
        super().end()


class MeasuredSandbox(Sandbox):
    """Decodes one file at a time, so that each peak belongs to one file."""

    def __init__(
        self, *, limits: DecodeLimits | None = None, preprocessings: Sequence[Preprocessing] = (SMALL,)
    ) -> None:
        super().__init__(limits=limits, preprocessings=preprocessings, plan=ViewPlan())
        self.children: list[MeasuredChild] = []
        self._warm = 0

    def _start(self) -> DecoderChild:
        self.children.append(MeasuredChild(limits=self.limits, preprocessings=self.preprocessings, plan=self.plan))
        return self.children[-1]

    def measure(self, paths: Iterable[Path]) -> Iterator[Cost]:
        for path in paths:
            self.children = [child for child in self.children if child in self._idle]
            self._warm = len(self.children)
            for child in self.children:
                child.forget()
            started = time.monotonic()
            (outcome,) = self.decode([path])
            yield self._cost(outcome, seconds=time.monotonic() - started)

    def _cost(self, outcome: DecodedFile | RefusedFile, *, seconds: float) -> Cost:
        for child in self.children:
            child.note()
        refused = isinstance(outcome, RefusedFile)
        return Cost(
            outcome.path,
            str(Reason(outcome.reason)) if refused else READ,
            outcome.detail if refused else str(outcome.header),
            seconds,
            max(child.resident for child in self.children),
            max(child.address_space for child in self.children),
            len(self.children) - self._warm,
        )
