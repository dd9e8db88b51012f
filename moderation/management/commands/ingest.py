import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pghistory
from django.core.management.base import CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from moderation import intake
from moderation.decoding.sandbox import SandboxUnavailable
from moderation.formatting import counted
from moderation.intake import IngestedFile, IngestResult
from moderation.management.product_command import ProductCommand
from moderation.storage import StorageFull


class Command(ProductCommand):
    help = (
        "Ingest images from files and folders, recursively. The external id is the path below PATH, or the file name "
        "if PATH is a file. Ingesting the same files again adds nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("paths", metavar="PATH", nargs="+", type=Path, help="a file or a folder")
        parser.add_argument(
            "--source", default="folder", help="the source that the uploads belong to (default: folder)"
        )
        parser.add_argument("--json", action="store_true", help="print the summary as one JSON object, the last line")

    def handle(self, *, paths: list[Path], source: str, json: bool, **_: Any) -> None:
        refuse_wrong_arguments(paths, source=source)
        tally = Tally()
        try:
            with pghistory.context(process="ingest"):
                for outcome in ingest_all(paths, source=source):
                    tally.add(outcome)
        except (StorageFull, SandboxUnavailable) as error:
            raise CommandError(
                f"Stopped after {counted(tally.received, 'file')}. {error} Ingested files stay. Run the command again "
                "to continue."
            ) from error
        self.stdout.write(tally.as_json() if json else tally.as_sentences())


class Tally:
    """Counts of files, and every refusal. new + duplicate + refused = received."""

    def __init__(self) -> None:
        self.counts: Counter[IngestResult] = Counter()
        self.named: list[IngestedFile] = []

    def add(self, outcome: IngestedFile) -> None:
        self.counts[outcome.result] += 1
        if outcome.reason:
            self.named.append(outcome)

    @property
    def received(self) -> int:
        return self.counts.total() - self.counts[IngestResult.SKIPPED]

    def list_of(self, result: IngestResult) -> list[dict[str, str]]:
        return [{"file": each.file, "reason": each.reason} for each in self.named if each.result is result]

    def as_json(self) -> str:
        return json.dumps(
            {
                "received": self.received,
                "new": self.counts[IngestResult.NEW],
                "duplicate": self.counts[IngestResult.DUPLICATE],
                "refused": self.list_of(IngestResult.REFUSED),
                "skipped": self.list_of(IngestResult.SKIPPED),
            }
        )

    def as_sentences(self) -> str:
        lines = [f"{each.file}: {each.result}. {each.reason}" for each in self.named]
        found = ", ".join(
            f"{self.counts[result]} {result}"
            for result in (IngestResult.NEW, IngestResult.DUPLICATE, IngestResult.REFUSED)
        )
        skipped = f"; {self.counts[IngestResult.SKIPPED]} skipped" if self.counts[IngestResult.SKIPPED] else ""
        return "\n".join([*lines, f"{self.received} received: {found}{skipped}."])


def refuse_wrong_arguments(paths: list[Path], *, source: str) -> None:
    if not source:
        raise CommandError("--source is empty. Name the source that the uploads belong to.")
    for path in paths:
        if not path.exists():
            raise CommandError(f"{intake.printable(path)} does not exist. Give existing files or folders.")
        if not path.is_file() and not path.is_dir():
            raise CommandError(f"{intake.printable(path)} is neither a file nor a folder. Give files or folders.")


def ingest_all(paths: list[Path], *, source: str) -> Iterator[IngestedFile]:
    """Ingest ``paths``; yields each file, with a progress bar on a terminal."""
    outcomes = (outcome for path in paths for outcome in intake.ingest(path, source=source))
    if not sys.stderr.isatty():
        yield from outcomes
        return
    total = sum(1 for path in paths for _ in intake.walk(path))
    with progress_bar() as progress:
        yield from progress.track(outcomes, total=total, description="Ingesting")


def progress_bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True))
