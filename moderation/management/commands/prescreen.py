import json
import os
import signal
import sys
import time
from typing import Any

from django.core.management.base import CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from moderation.formatting import counted
from moderation.management.arguments import positive_int, when
from moderation.management.product_command import ProductCommand
from moderation.management.subcommands.report import add_report, show
from moderation.screening.runs import RunOptions, RunReport, ScreeningFailed
from moderation.screening.supervisor import Supervisor
from moderation.tuning.rollup import StillWriting, roll_up

# sysexits.h: try again later.
STOPPED_WITH_WORK_LEFT = 75
PROGRESS_SECONDS = 5.0


class Command(ProductCommand):
    help = (
        "Score and route pending uploads. 'prescreen report' shows the results of a run. Exit status: 0 done, 1 error, "
        "75 stopped early with work left."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--processes",
            type=positive_int,
            default=len(os.sched_getaffinity(0)),
            help="worker processes (default: one for each core)",
        )
        parser.add_argument("--limit", type=positive_int, help="screen at most N files")
        parser.add_argument("--max-seconds", type=positive_int, help="hand out no more work after N seconds")
        parser.add_argument("--policy", metavar="SLUG", help="screen by this policy only")
        parser.add_argument(
            "--since",
            type=when,
            metavar="WHEN",
            help="only uploads received since a date (2026-11-01 or 2026-11-01T18:00) or within a time (90m, 24h, 7d)",
        )
        parser.add_argument(
            "--rescore",
            dest="mode",
            action="store_const",
            const="rescore",
            default="pending",
            help="screen stored uploads again, by the rules in force; verdicts of people stay",
        )
        parser.add_argument(
            "--shadows",
            dest="mode",
            action="store_const",
            const="shadows",
            help="only add the scores of classifiers in shadow mode to stored uploads",
        )
        parser.add_argument("--dry-run", action="store_true", help="show the results without recording them")
        parser.add_argument("--json", action="store_true", help="print the report as JSON, on the last line")
        add_report(parser)

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["action"] == "report":
            as_json = options["json"] or options["report_json"]
            show(self.stdout, run=options["run"], as_json=as_json, email=options["email"])
        else:
            self.screen(options)

    def screen(self, options: dict[str, Any]) -> None:
        names = ("processes", "limit", "max_seconds", "policy", "since", "dry_run", "mode")
        with progress_display() as on_progress:
            supervisor = Supervisor(RunOptions(**{name: options[name] for name in names}), on_progress=on_progress)
            signal.signal(signal.SIGTERM, lambda *_: supervisor.stop())
            try:
                report = supervisor.run()
            except ScreeningFailed as error:
                raise CommandError(str(error)) from error
        # Also after --max-seconds, but not after SIGTERM: then somebody waits for the command to end.
        if not options["dry_run"] and not supervisor.stopping:
            self._roll_up()
        text = shadow_report_text if options["mode"] == "shadows" else report_text
        self.stdout.write(json.dumps(report.as_json()) if options["json"] else text(report))
        if report.stopped_early:
            sys.exit(STOPPED_WITH_WORK_LEFT)

    def _roll_up(self) -> None:
        """Bring the ledger up to date. If it has to wait, the run has not failed."""
        try:
            roll_up()
        except StillWriting as busy:
            self.stderr.write(self.style.WARNING(str(busy)))


class progress_display:  # noqa: N801  (reads as a function where it is used)
    """A progress bar on a terminal, a JSON line every few seconds elsewhere."""

    def __enter__(self) -> "progress_display":
        console = Console(stderr=True)
        self.bar = Progress(
            TextColumn("Screening"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[speed]}/s"),
            TimeRemainingColumn(), console=console, disable=not console.is_terminal,
        )  # fmt: skip
        self.bar.start()
        self.task = self.bar.add_task("", total=None, speed=0)
        self.last = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def __call__(self, report: RunReport, total: int) -> None:
        found = report.as_json()
        self.bar.update(self.task, completed=found["uploads"], total=total, speed=found["per_second"])
        if self.bar.disable and time.monotonic() - self.last >= PROGRESS_SECONDS:
            self.last = time.monotonic()
            sys.stdout.write(json.dumps({"pending": total - found["uploads"], **found}) + "\n")
            sys.stdout.flush()


def report_text(report: RunReport) -> str:
    found = report.as_json()
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(found["quarantined"].items()))
    uploads = counted(found["uploads"], "upload")
    lines = [
        f"{uploads} screened in {found['seconds']:.1f} s ({found['per_second']:.1f} a second):",
        f"{found['approved']} approved, {found['review']} to review, {found['rejected']} rejected, "
        f"{sum(found['quarantined'].values())} quarantined" + (f" ({reasons})." if reasons else "."),
        f"Audits: {found['audits']}. Untrusted scores, each for a person to review: {found['untrusted']}.",
    ]
    if found["matched"]:
        lines.append(f"Routed by hash lists, without a score: {found['matched']}.")
    if report.stopped_early:
        lines.append(f"Stopped early. Still pending: {counted(report.work_left, 'upload')}.")
    return "\n".join(lines)


def shadow_report_text(report: RunReport) -> str:
    found = report.as_json()
    lines = [
        f"Classifiers in shadow mode scored {counted(found['uploads'], 'stored upload')} in {found['seconds']:.1f} s."
    ]
    if report.work_left:
        lines.append(
            f"Still without a score: {counted(report.work_left, 'upload')}. The run stopped early, or a file cannot be "
            "read."
        )
    return "\n".join(lines)
