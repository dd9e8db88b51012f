"""All composed files pass intake and pre-screen together, mixed with good files; each has its expected outcome."""

import io
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from pytest_django import Settings

from moderation.decoding.images import DecodeLimits
from moderation.decoding.sandbox import Sandbox
from moderation.intake import receiving
from moderation.models import Screening, Upload
from moderation.verification import BrokenRule, verify
from tests.factories import red, use_red_classifier
from tests.hostile.case import READ, Case
from tests.hostile.every import every_case, large_cases
from tests.hostile.watching import MemoryWatch

pytestmark = pytest.mark.django_db(transaction=True)

#: A good file follows every EVERY hostile files.
EVERY = 4
#: A part of each message of the intake, and its reason.
REASON_BY_MESSAGE = {
    "Found an empty file": "empty",
    r"Found [\d,]+ bytes; at most": "too_large",
    "Found too many pixels": "too_many_pixels",
    "Too many frames or pages": "too_many_frames",
    "Accepted are JPEG": "format_not_allowed",
    "that are not text": "no_text",
    "changes the direction of text": "turned_name",
}
ODD_NAMES = [
    "смотри.jpg", "图像🖼.jpg", "name with\nline end.jpg", "-rf.jpg", "'; DROP TABLE upload;--.jpg",
    "%00.jpg", "<script>.jpg", "e\u0301.jpg", "\u00e9.jpg", "x" * 255,
]  # fmt: skip


@dataclass
class HostileNight:
    """The outcomes of one ingest and one pre-screen of a folder, by file name."""

    refused: dict[str, str] = field(default_factory=dict)
    skipped: set[str] = field(default_factory=set)
    outcomes: dict[str, str] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)
    memory: Mapping[str, int] = field(default_factory=dict)
    problems: list[BrokenRule] = field(default_factory=list)
    good: dict[str, float] = field(default_factory=dict)


Spend = Callable[[Sequence[Case]], HostileNight]


@pytest.fixture
def spend(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, transactional_db: None) -> Spend:
    """Return a function that ingests and screens files, with long time limits for busy machines."""
    settings.DECODE_SECONDS = 120.0
    patient = Sandbox(limits=DecodeLimits(seconds=120.0, probe_seconds=120.0))
    monkeypatch.setattr(receiving, "sandbox", lambda: patient)
    use_red_classifier(audit_rate_approve=0.0, audit_rate_reject=0.0)
    folder = tmp_path / "night"
    folder.mkdir()

    def spend(cases: Sequence[Case]) -> HostileNight:
        night = HostileNight(good=write_everything(folder, cases=cases))
        with patient, MemoryWatch() as watch:
            note_intake(night, ingest(folder))
            call_command("prescreen", "--json", "--processes", "2", stdout=io.StringIO())
        night.memory = watch.peaks
        note_outcomes(night)
        return night

    return spend


def write_everything(folder: Path, *, cases: Sequence[Case]) -> dict[str, float]:
    """Write all files; return the scores of the good files by name."""
    good = dict(good_files(len(cases)))
    for name, score in good.items():
        (folder / name).write_bytes(red(score, salt=len(name) + round(score * 10_000), size=(80, 80)))
    for number, case in enumerate(cases):
        (folder / named(number, case)).write_bytes(case.content)
    write_special_files(folder)
    return good


def good_files(count: int) -> Iterator[tuple[str, float]]:
    for number in range(0, count, EVERY):
        yield f"{number:04}-good.png", round(number % 256 / 255, 6)
    yield from ((name, (index + 0.5) / 255) for index, name in enumerate(ODD_NAMES, 100))


def named(number: int, case: Case) -> str:
    """Return the name of the case's file, which sorts by number among the good files."""
    return f"{number:04}-{case.file_name}"


def write_special_files(folder: Path) -> None:
    """Add a folder, a pipe, links, and files whose names are not UTF-8 or read from right to left."""
    (folder / "folder.jpg").mkdir()
    os.mkfifo(folder / "pipe.jpg")
    (folder / "passwords.jpg").symlink_to("/etc/passwd")
    (folder / "nothing.jpg").symlink_to(folder / "not there")
    (folder / "itself.jpg").symlink_to(folder / "itself.jpg")
    (folder / "round.jpg").symlink_to(folder)
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe.jpg")).write_bytes(red(0.5, salt=9))
    (folder / "\u202egpj.exe").write_bytes(red(0.5, salt=10))


def ingest(folder: Path) -> dict[str, Any]:
    out = io.StringIO()
    call_command("ingest", str(folder), "--json", stdout=out)
    report: dict[str, Any] = json.loads(out.getvalue().splitlines()[-1])
    return report


def note_intake(night: HostileNight, report: Mapping[str, Any]) -> None:
    night.refused = {Path(each["file"]).name: reason_of(each["reason"]) for each in report["refused"]}
    night.skipped = {Path(each["file"]).name for each in report["skipped"]}


def reason_of(message: str) -> str:
    found = (reason for pattern, reason in REASON_BY_MESSAGE.items() if re.search(pattern, message))
    return next(found, message)


def note_outcomes(night: HostileNight) -> None:
    for upload in Upload.objects.all():
        read = upload.status in (Upload.Status.APPROVED, Upload.Status.IN_REVIEW, Upload.Status.REJECTED)
        night.outcomes[upload.external_id] = READ if read else upload.quarantine_reason
    night.scores = dict(Screening.objects.values_list("upload__external_id", "score"))
    night.problems = verify().problems


def check(night: HostileNight, *, cases: Sequence[Case]) -> None:
    for number, case in enumerate(cases):
        name = named(number, case)
        assert night.refused.get(name, "") in case.expected.intake, name
        assert name in night.refused or night.outcomes[name] in case.expected.decode, name
    assert {name: night.scores.get(name) for name in night.good} == pytest.approx(night.good, abs=0.003)
    assert night.skipped == {"pipe.jpg", "passwords.jpg", "nothing.jpg", "itself.jpg", "round.jpg"}
    assert night.refused["\\udcff\\udcfe.jpg"] == "no_text"
    assert "turned_name" in night.refused.values()
    assert night.problems == []
    assert not Upload.objects.pending().exists()
    assert night.memory.keys() == {"moderation.decoding.child", "moderation.screening.worker_main"}
    assert max(night.memory.values()) < 1_000_000_000


@pytest.mark.lengthy
def test_a_night_of_hostile_files(spend: Spend) -> None:
    """A quarter of the files, for speed; the slow test uses all of them."""
    cases = [case for case in every_case() if not case.expected.is_vague][::4]
    check(spend(cases), cases=cases)


@pytest.mark.slow
def test_a_night_of_all_hostile_files(spend: Spend) -> None:
    cases = [*every_case(), *large_cases()]
    check(spend(cases), cases=cases)
