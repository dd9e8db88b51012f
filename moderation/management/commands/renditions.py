import json
import sys
from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError, CommandParser

from moderation.decoding.sandbox import SandboxUnavailable
from moderation.formatting import counted
from moderation.management.commands.ingest import progress_bar
from moderation.management.product_command import ProductCommand
from moderation.rendition_repair import RepairedScreening, make_missing_renditions, screenings_shown_to_people
from moderation.storage import StorageFull


class Command(ProductCommand):
    help = (
        "Make missing renditions anew, for example after a restore of the uploads alone. Routes, statuses and tasks "
        "stay as they are. Exit status: 0 all renditions are there, 1 some could not be made."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the summary as one JSON object")

    def handle(self, *, json: bool, **_: Any) -> None:
        try:
            repaired = [each for each in with_progress(make_missing_renditions()) if not each.was_complete]
        except (StorageFull, SandboxUnavailable) as error:
            raise CommandError(f"Stopped: {error} Renditions made so far stay. Run the command again.") from error
        refused = [each for each in repaired if each.refusal]
        self.stdout.write(as_json(repaired, refused) if json else as_sentences(repaired, refused))
        if refused:
            sys.exit(1)


def with_progress(repaired: Iterator[RepairedScreening]) -> Iterator[RepairedScreening]:
    """Yield each screening, with a progress bar on a terminal."""
    if not sys.stderr.isatty():
        yield from repaired
        return
    with progress_bar() as progress:
        yield from progress.track(repaired, total=screenings_shown_to_people().count(), description="Renditions")


def as_json(repaired: list[RepairedScreening], refused: list[RepairedScreening]) -> str:
    named = [{"upload": each.screening.upload_id, "reason": each.refusal} for each in refused]
    return json.dumps({"made": len(repaired) - len(refused), "refused": named})


def as_sentences(repaired: list[RepairedScreening], refused: list[RepairedScreening]) -> str:
    lines = [f"{each.screening.upload} cannot be shown ({each.refusal})." for each in refused]
    made = counted(len(repaired) - len(refused), "upload")
    return "\n".join([*lines, f"Renditions of {made} were made; those of {len(refused)} could not be made."])
