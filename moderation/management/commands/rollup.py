import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from moderation.formatting import counted
from moderation.management.product_command import ProductCommand
from moderation.tuning.rollup import StillWriting, roll_up


class Command(ProductCommand):
    help = (
        "Bring the ledger of verdicts up to date, as 'prescreen' does at its end. It reads only new and changed rows, "
        "and a second run changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the counts as one JSON object")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            found = roll_up()
        except StillWriting as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(found.as_json()))
            return
        self.stdout.write(
            f"Read {counted(found.screenings, 'new screening')} ({found.drawn:,} drawn for a verdict) and "
            f"{counted(found.decisions, 'new decision')}. Other verdict than before: "
            f"{counted(found.changed, 'upload')}. Closed: {counted(found.closed_days, 'day')}."
        )
        if found.withdrawn:
            self.stdout.write(
                self.style.WARNING(
                    f"Withdrawn: {counted(found.withdrawn, 'certificate')}. See 'manage.py certificate list'."
                )
            )
