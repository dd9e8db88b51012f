import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.db import connection

from moderation import verification
from moderation.formatting import counted
from moderation.management.product_command import ProductCommand
from moderation.verification.protection import owner_serves

OWNER_SERVES = (
    "The role of DATABASE_URL owns the tables, so whoever controls the product could change the record. Use two roles: "
    "docs/operations.md, 'Two database roles'."
)


class Command(ProductCommand):
    help = "Verify the invariants of the whole database and storage. Exit status: 0 no problem, 1 problems found."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the findings as one JSON object")
        parser.add_argument("--sweep", action="store_true", help="remove files that no row refers to")

    def handle(self, *_args: Any, **options: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")  # it reads every row, which may take long
        findings = verification.verify()
        swept = verification.sweep() if options["sweep"] else 0
        if options["json"]:
            self.stdout.write(json.dumps({**findings.as_json(), "swept": swept, "owner_serves": owner_serves()}))
        else:
            self._write(findings, swept=swept)
        if not findings.clean:
            sys.exit(1)

    def _write(self, findings: verification.Findings, *, swept: int) -> None:
        for problem in findings.problems:
            self.stdout.write(self.style.ERROR(f"{problem.what}: {problem.found} ({problem.rule})"))
        counts = ", ".join(f"{n:,} {label.split('.')[1]}" for label, n in findings.checked.items())
        self.stdout.write(
            f"{len(verification.RULES)} rules over {counts}: {counted(len(findings.problems), 'problem')}."
        )
        if owner_serves():
            self.stdout.write(OWNER_SERVES)
        if swept:
            self.stdout.write(f"{counted(swept, 'file')} without a row removed.")
        elif findings.sweepable:
            self.stdout.write(
                f"{counted(len(findings.sweepable), 'file')} without a row; 'verify --sweep' removes such files."
            )
