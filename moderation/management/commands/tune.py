import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from moderation.formatting import counted, day
from moderation.management.arguments import policy_in_force, positive_int, probability, threshold, whole_number
from moderation.management.output import write_table
from moderation.management.product_command import ProductCommand
from moderation.tuning import csv_rows, csv_trial, text, threshold_report
from moderation.tuning.csv_trial import CsvTrial


class Command(ProductCommand):
    help = (
        "Show the error rates of a pair of thresholds, with their intervals, and the evidence for each certificate. "
        "With --csv, show the same for labelled rows of your own, beside the truth."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--low",
            type=threshold,
            metavar="L",
            help="approve uploads with a smaller score (default: the low in force)",
        )
        parser.add_argument(
            "--high",
            type=threshold,
            metavar="H",
            help="reject uploads with this score or more (default: the high in force)",
        )
        parser.add_argument("--policy", metavar="SLUG", help="the policy (default: the first in force)")
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        table = parser.add_argument_group("labelled rows of your own")
        table.add_argument(
            "--csv",
            type=Path,
            metavar="FILE",
            help="a CSV file with the columns id, label (1 or true: violating, 0 or false: benign) and score",
        )
        table.add_argument(
            "--pi-approve", type=probability, metavar="A", help="sampling probability of uploads below low"
        )
        table.add_argument(
            "--pi-reject", type=probability, metavar="R", help="sampling probability of uploads from high on"
        )
        table.add_argument(
            "--seed", type=whole_number, default=0, metavar="N", help="the seed of the random sample (default: 0)"
        )
        table.add_argument(
            "--bins", type=positive_int, default=100, metavar="K", help="the number of equal score bins (default: 100)"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["csv"] is not None:
            self._run_trial(options)
        else:
            self._report(options)

    def _report(self, options: dict[str, Any]) -> None:
        try:
            found = threshold_report.report_for(
                policy_in_force(options["policy"]), low=options["low"], high=options["high"]
            )
            report = found.as_json()
        except ValueError as error:
            raise CommandError(f"{error}. Nothing was computed.") from error
        if options["json"]:
            self.stdout.write(json.dumps(report))
        else:
            self._show_report(found)

    def _show_report(self, found: threshold_report.ThresholdReport) -> None:
        self.stdout.write(f"{found.version.policy}: approved below {found.low:g}, rejected from {found.high:g}.")
        if not found.days:
            self.stdout.write(
                "No day is closed yet, so there is no estimate. A day closes when every drawn upload has its final "
                "verdict, and after 7 days at the latest. Run 'manage.py rollup' to bring the ledger up to date."
            )
            return
        first, last = found.days[0].day, found.days[-1].day
        self.stdout.write(
            f"{counted(len(found.days), 'closed day')}, {day(first)} to {day(last)}, of epoch {found.epoch.pk}."
        )
        for sentence in text.sentences(found.estimates, found.evidence):
            self.stdout.write(sentence)
        write_table(self.stdout, ["", "estimate", "95 % interval", "n"], text.estimate_rows(found.estimates))
        write_table(self.stdout, text.CLAIM_COLUMNS, text.evidence_rows(found.evidence))
        self.stdout.write(
            "A claim is certified at 95 % when its evidence reaches 20. For two claims to hold together at 95 %, each "
            "needs 40."
        )
        if found.groups:
            self.stdout.write(text.ABOUT_GROUPS)
            write_table(self.stdout, text.GROUP_HEADING, text.group_rows(found.groups))
        for certificate in found.certificates:
            self.stdout.write(f"Certified: {certificate}; ends on {day(certificate.ends_at)}.")
        if found.cost_10k is not None:
            self.stdout.write(f"Cost of 10,000 uploads: about {found.cost_10k:,.0f}.")
        self.stdout.write(text.recommendation_sentence(found.recommendation))
        self.stdout.write(f"Agreement of moderators: {found.agreement.summary}.")
        self.stdout.write(f"Blindness: {found.blindness.summary}")
        for warning in text.warnings(found.estimates, found.evidence, agreement=found.agreement):
            self.stdout.write(self.style.WARNING(warning))

    def _run_trial(self, options: dict[str, Any]) -> None:
        needed = ("low", "high", "pi_approve", "pi_reject")
        if lacking := [f"--{name.replace('_', '-')}" for name in needed if options[name] is None]:
            raise CommandError(f"--csv also needs {', '.join(lacking)}. Nothing was computed.")
        plan = csv_trial.TrialPlan(**{name: options[name] for name in (*needed, "seed", "bins")})
        try:
            rows = csv_rows.read_rows(options["csv"])
            found = csv_trial.run_trial(rows, plan)
        except csv_rows.UnreadableTable as error:
            raise CommandError(f"{error}\nNothing was computed.") from error
        except ValueError as error:
            raise CommandError(f"{error}. Nothing was computed.") from error
        if options["json"]:
            self.stdout.write(json.dumps(found.as_json()))
        else:
            self._show_trial(found)

    def _show_trial(self, found: CsvTrial) -> None:
        plan = found.plan
        self.stdout.write(
            f"{counted(found.rows, 'upload')}, approved below {plan.low:g}, rejected from {plan.high:g}. The coin "
            f"(seed {plan.seed}) drew {found.n_labelled:,} of them. The other labels were hidden."
        )
        for sentence in text.sentences(found.estimates, found.evidence):
            self.stdout.write(sentence)
        rows = text.estimate_rows(found.estimates, found.true_rates, found.naive)
        write_table(self.stdout, ["", "estimate", "95 % interval", "n", "truth", "naive"], rows)
        self.stdout.write(
            "Truth: all labels, including the hidden ones. Naive: the drawn labels without weights, never to be relied "
            "on."
        )
        write_table(self.stdout, text.CLAIM_COLUMNS, text.evidence_rows(found.evidence))
        for warning in text.warnings(found.estimates, found.evidence):
            self.stdout.write(self.style.WARNING(warning))
