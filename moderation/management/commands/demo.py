from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import transaction

from moderation.demo import loading
from moderation.formatting import counted
from moderation.intake import IngestResult
from moderation.management.product_command import ProductCommand


class Command(ProductCommand):
    requires_system_checks = []  # the pre-screen that follows runs them
    help = "Load the demo's harmless pictures or your own folder, and create accounts. A second run adds nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--images", type=Path, help="ingest this folder instead of the demo's pictures")

    def handle(self, *_args: Any, images: Path | None, **_options: Any) -> None:
        if images is not None and not images.exists():
            raise CommandError(f"{images} does not exist. Give a folder of images: make run IMAGES=folder")
        if images is None and loading.publish_demo_thresholds():
            self.stdout.write("Demo thresholds are in force; they suit these harmless photos and nothing else.")
        counts = loading.tally(loading.load(images))
        self.stdout.write(
            f"{counted(counts[IngestResult.NEW], 'new upload')}, {counts[IngestResult.DUPLICATE]} already there, "
            f"{counts[IngestResult.REFUSED]} refused."
        )
        with transaction.atomic():
            accounts = loading.ensure_accounts()
        for account in accounts:
            if account.password:
                self.stdout.write(f"New account for the demo: {account.username}, password {account.password}")
        if any(account.password for account in accounts):
            self.stdout.write(
                "These accounts are for the demo. Before real use, deactivate them or change their passwords."
            )
