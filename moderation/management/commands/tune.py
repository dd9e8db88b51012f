import json
from argparse import ArgumentTypeError
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.table import Table

from moderation.tuning import trial, words
from moderation.tuning.trial import Trial


def threshold(text: str) -> float:
    return _number(text, accepted="a number from 0 to 1", least=0)


def rate(text: str) -> float:
    number = _number(text, accepted="a probability above 0 and at most 1", least=0)
    if number == 0:
        raise ArgumentTypeError(f"{text!r}: write a probability above 0 and at most 1")
    return number


def whole(text: str) -> int:
    if not text.isdecimal():
        raise ArgumentTypeError(f"{text!r}: write a whole number")
    return int(text)


def _number(text: str, *, accepted: str, least: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not least <= number <= 1:
        raise ArgumentTypeError(f"{text!r}: write {accepted}")
    return number


class Command(BaseCommand):
    help = (
        "Error rates of a pair of thresholds with their intervals, and what is certified. With --csv: the same for any "
        "labelled rows, beside the truth."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--low", type=threshold, metavar="L", help="approve below it")
        parser.add_argument("--high", type=threshold, metavar="H", help="reject from it on")
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        table = parser.add_argument_group("with labelled rows of your own")
        table.add_argument("--csv", type=Path, metavar="FILE", help="columns id, label (1 violating), score")
        table.add_argument("--pi-approve", type=rate, metavar="A", help="probability of an audit below low")
        table.add_argument("--pi-reject", type=rate, metavar="R", help="probability of an audit from high on")
        table.add_argument("--seed", type=whole, default=0, metavar="N", help="what the coin starts from (default: 0)")
        table.add_argument("--bins", type=whole, default=100, metavar="K", help="equal score bins (default: 100)")

    def handle(self, *_args: Any, **options: Any) -> None:
        self._try_out(options)

    def _try_out(self, options: dict[str, Any]) -> None:
        needed = ("low", "high", "pi_approve", "pi_reject")
        if lacking := [f"--{name.replace('_', '-')}" for name in needed if options[name] is None]:
            raise CommandError(f"--csv needs {', '.join(lacking)} as well.")
        if not options["bins"]:
            raise CommandError("--bins 0: write a whole number from 1 up.")
        plan = trial.Plan(**{name: options[name] for name in (*needed, "seed", "bins")})
        try:
            rows = trial.read_rows(options["csv"])
            found = trial.try_out(rows, plan)
        except trial.UnreadableTable as error:
            raise CommandError(f"{error}\nNothing was computed.") from error
        except ValueError as error:
            raise CommandError(f"{error}. Nothing was computed.") from error
        if options["json"]:
            self.stdout.write(json.dumps(found.as_json()))
        else:
            self._show_trial(found)

    def _show_trial(self, found: Trial) -> None:
        plan = found.plan
        self.stdout.write(
            f"{found.rows:,} uploads; approved below {plan.low:g}, rejected from {plan.high:g}. The coin (seed "
            f"{plan.seed}) drew {found.n_labelled:,} for a verdict; the other labels were hidden."
        )
        for sentence in words.sentences(found.estimates, found.evidence):
            self.stdout.write(sentence)
        rows = words.estimate_rows(found.estimates, found.true_rates, found.naive)
        self._table(["", "estimate", "95 % interval", "n", "truth", "naive"], rows)
        self.stdout.write(
            "Truth: all labels, hidden ones too. "
            "Naive: the drawn labels as they come, unweighted; never to be relied on."
        )
        self._table(["claim", "target", "evidence", "bound", "missing"], words.evidence_rows(found.evidence))
        for warning in words.warnings(found.estimates, found.evidence):
            self.stdout.write(self.style.WARNING(warning))

    def _table(self, heading: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table that is as wide as it needs to be where no terminal says how wide that is."""
        console = Console(width=None if self.stdout.isatty() else 140)
        table = Table(*heading, box=None, pad_edge=False)
        for row in rows:
            table.add_row(*row)
        with console.capture() as drawn:
            console.print(table)
        self.stdout.write(drawn.get())
