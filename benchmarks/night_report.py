"""The measurements of a night, and their report in Markdown."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks.processes import Sample

MB = 1e6
PARTS = 5


@dataclass
class Kill:
    """A kill of one ``part`` of the first group, due at ``at`` uploads done and carried out at ``after``."""

    at: int
    part: str
    after: int = 0


@dataclass
class MeasuredNight:
    seconds: float = 0.0
    kills: list[Kill] = field(default_factory=list)
    restarts: int = 0
    samples: list[Sample] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class NightResult:
    """A night, its repetition, and the results of the checks between and after them."""

    count: int
    first: MeasuredNight
    again: MeasuredNight
    ingested: dict[str, Any]
    verified: dict[str, Any]
    report: str
    screened: dict[str, int]
    changed: Sequence[str]

    @property
    def good(self) -> bool:
        return bool(self.verified["clean"]) and not self.changed and set(self.screened) == {"1"}

    def in_words(self) -> str:
        first, verified = self.first, self.verified
        return "\n".join([
            f"{self.count:,} uploads, {len(first.kills)} kill -9, {first.restarts} restarts: {first.seconds:.0f} s.",
            "",
            *(f"* after {kill.after:,} uploads: the {kill.part}" for kill in first.kills),
            "",
            f"Ingested: {self.ingested}.",
            "",
            f"Readable uploads, by the number of their live screenings: {self.screened}.",
            "",
            f"`verify`: {'clean' if verified['clean'] else verified['problems'][:5]}, over {verified['checked']}.",
            "",
            f"The same folder ingested and screened again by two groups, in {self.again.seconds:.0f} s: "
            f"**{'no row changed' if not self.changed else 'changed: ' + ', '.join(self.changed)}**.",
            "",
            "`prescreen report` in the morning:",
            "",
            *(f"    {line}".rstrip() for line in self.report.splitlines()),
            "",
            "Resident memory in MB, sampled once a second:",
            "",
            *memory(first.samples),
            "",
        ])  # fmt: skip


def memory(samples: Sequence[Sample]) -> Iterator[str]:
    """Yield a table by role: the peak of one process, and the medians over each fifth of the longest-lived process."""
    yield "| process | number | peak | medians of the longest-lived, by fifths | from, to uploads |"
    yield "|---|---|---|---|---|"
    for role in ("command", "worker", "decoder"):
        lives: dict[int, list[Sample]] = defaultdict(list)
        for sample in samples:
            if sample.role == role:
                lives[sample.pid].append(sample)
        if lives:
            most = max(sample.resident for life in lives.values() for sample in life)
            yield _row(role, count=len(lives), most=most, longest=max(lives.values(), key=len))


def _row(role: str, *, count: int, most: int, longest: Sequence[Sample]) -> str:
    medians = ", ".join(f"{part:.0f}" for part in parts(longest))
    return f"| {role} | {count} | {most / MB:.0f} | {medians} | {longest[0].done:,}, {longest[-1].done:,} |"


def parts(samples: Sequence[Sample]) -> list[float]:
    """Return the median resident memory in MB of each fifth of the samples."""
    size = max(1, len(samples) // PARTS)
    found = [samples[start : start + size] for start in range(0, size * PARTS, size)]
    return [median(sample.resident for sample in part) / MB for part in found if part]
