"""`manage.py prescreen report`: print or send the report of a run or of the last night."""

import json
from collections.abc import Sequence

from django.core.management.base import CommandError, CommandParser, OutputWrapper

from moderation.management.arguments import email_address, whole_number
from moderation.reporting.mailing import NotSent, send
from moderation.reporting.night import NoSuchRun
from moderation.reporting.report import NightReport
from moderation.reporting.text import as_text


def add_report(parser: CommandParser) -> None:
    """Add the action `report` and its options. Without an action, the command screens."""
    actions = parser.add_subparsers(dest="action", metavar="report", title="instead of screening")
    report = actions.add_parser("report", help="report on the last night's runs and the current state")
    report.add_argument(
        "--run", type=whole_number, metavar="N", help="report on this run only (default: the runs of the last 24 hours)"
    )
    report.add_argument("--json", action="store_true", dest="report_json", help="print the report as one JSON object")
    report.add_argument(
        "--email",
        type=email_address,
        nargs="*",
        metavar="ADDRESS",
        help="send the report instead of printing it, to these addresses or to REPORT_TO",
    )


def show(out: OutputWrapper, *, run: int | None, as_json: bool, email: Sequence[str] | None) -> None:
    """Print the report. If `email` is not None, send it instead: to these addresses, or to REPORT_TO if it is empty."""
    try:
        report = NightReport.of(run)
        sent = send(report, to=email) if email is not None else []
    except (NoSuchRun, NotSent) as error:
        raise CommandError(str(error)) from error
    if as_json:
        out.write(json.dumps(report.as_json()))
    else:
        out.write(as_text(report) if email is None else f"Sent to {', '.join(sent)}.")
