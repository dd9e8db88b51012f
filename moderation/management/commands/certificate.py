import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from moderation.formatting import day
from moderation.management.arguments import policy_in_force, threshold
from moderation.management.product_command import ProductCommand
from moderation.models import Certificate
from moderation.tuning import alarms, certificates, threshold_report


class Command(ProductCommand):
    help = (
        "Issue and list certificates, or verify one from its file alone. 'issue' and 'list' first withdraw the "
        "certificates whose alarm rings."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        issue = actions.add_parser(
            "issue", help="certify each claim with enough evidence, and print the certificates as JSON"
        )
        issue.add_argument("--policy", metavar="SLUG", help="the policy (default: the first in force)")
        issue.add_argument("--low", type=threshold, metavar="L", help="default: the low in force")
        issue.add_argument("--high", type=threshold, metavar="H", help="default: the high in force")
        listing = actions.add_parser("list", help="show all certificates")
        listing.add_argument("--json", action="store_true", help="print their contents as a JSON array")
        verify = actions.add_parser("verify", help="recompute a certificate from its file, without the database")
        verify.add_argument("file", type=Path, metavar="FILE")

    def handle(self, *, action: str, **options: Any) -> None:
        if action == "issue":
            self.issue(options)
        elif action == "list":
            self.show(as_json=options["json"])
        else:
            self.verify(options["file"])

    def issue(self, options: dict[str, Any]) -> None:
        alarms.watch()
        try:
            report = threshold_report.report_for(
                policy_in_force(options["policy"]), low=options["low"], high=options["high"]
            )
            issued = certificates.issue(report)
        except (ValueError, certificates.NothingToCertify) as error:
            raise CommandError(str(error)) from error
        for certificate in issued:
            self.stdout.write(json.dumps(certificate.content))
            if certificate.why_invalid:
                self.stderr.write(self.style.WARNING(f"{certificate}: {certificate.why_invalid}"))

    def show(self, *, as_json: bool) -> None:
        alarms.watch()
        found = list(Certificate.objects.select_related("epoch").order_by("pk"))
        if as_json:
            self.stdout.write(json.dumps([certificate.content for certificate in found]))
            return
        for certificate in found:
            self.stdout.write(
                f"{certificate}, ends on {day(certificate.ends_at)}: {certificate.why_invalid or 'valid'}"
            )
        if not found:
            self.stdout.write("No certificate has been issued yet. 'manage.py certificate issue' issues the first.")

    def verify(self, path: Path) -> None:
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            e = certificates.verify(content)
        except (OSError, ValueError) as error:
            raise CommandError(f"{path} cannot be read as JSON: {error}. Nothing was verified.") from error
        except certificates.NotACertificate as error:
            raise CommandError(f"{path}: {error}") from error
        self.stdout.write(
            f"Correct: {content['risk']} below {content['target']:g} at low {content['low']:g}, "
            f"high {content['high']:g}, {content['first_day']} to {content['last_day']}; "
            f"E is {e:.4g}, recomputed from its own counts."
        )
