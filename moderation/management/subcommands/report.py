"""`manage.py prescreen report`: the report of a run or of the last night, printed or sent."""

import json
from collections.abc import Sequence

from django.core.management.base import CommandError, CommandParser, OutputWrapper

from moderation.management.arguments import email_address
from moderation.reporting.mailing import NotSent, send
from moderation.reporting.night import NoSuchRun
from moderation.reporting.report import NightReport
from moderation.reporting.text import as_text


def add_report(parser: CommandParser) -> None:
    """Add the action and its options; without it, the command screens."""
    actions = parser.add_subparsers(dest="action", metavar="report", title="instead of screening")
    report = actions.add_parser("report", help="say what the last night's runs did and how things stand")
    report.add_argument("--run", type=int, metavar="N", help="of this run alone (default: the last 24 hours' runs)")
    report.add_argument("--json", action="store_true", dest="report_json", help="print the report as one JSON object")
    report.add_argument(
        "--email",
        type=email_address,
        nargs="*",
        metavar="ADDRESS",
        help="send it instead, to these or, without one, to REPORT_TO",
    )


def show(out: OutputWrapper, *, run: int | None, as_json: bool, email: Sequence[str] | None) -> None:
    """Print the report; with ``email``, send it to these addresses, or to REPORT_TO where there are none."""
    try:
        report = NightReport.of(run)
        sent = send(report, to=email) if email is not None else []
    except (NoSuchRun, NotSent) as error:
        raise CommandError(str(error)) from error
    if as_json:
        out.write(json.dumps(report.as_json()))
    else:
        out.write(as_text(report) if email is None else f"Sent to {', '.join(sent)}.")
