import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

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
            f"Read {found.screenings:,} new screenings ({found.drawn:,} drawn for a verdict) and "
            f"{found.decisions:,} new decisions. "
            f"{found.changed:,} uploads have a different verdict than before, {found.closed_days:,} days closed."
        )
        if found.withdrawn:
            self.stdout.write(
                self.style.WARNING(f"{found.withdrawn} certificates withdrawn. See 'manage.py certificate list'.")
            )
