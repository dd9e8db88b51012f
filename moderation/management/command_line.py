"""The command line of manage.py: its list of commands, and failures in one line instead of a traceback."""

import os
import re
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from textwrap import fill

from django.core.exceptions import ImproperlyConfigured
from django.core.management import ManagementUtility, get_commands, load_command_class
from django.db import Error

from localpg import ClusterError
from moderation.database_state import DatabaseUnusable
from moderation.management.failures import explain
from moderation.management.preparation import NotPrepared, is_product_command, prepare

# Exit statuses of shells: 128 and the number of the signal.
INTERRUPTED = 130
READER_GONE = 141


def run(argv: Sequence[str]) -> int:
    """Run the command that `argv` names, and return its exit status.

    A failure of the surroundings, such as a missing database, is one line on standard error. A fault of the program
    raises, and so does every failure with --traceback.
    """
    try:
        prepare(argv)
        CommandLine(list(argv)).execute()
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        discard_output()
        return READER_GONE
    except (NotPrepared, DatabaseUnusable, ImproperlyConfigured, ClusterError, Error, OSError) as error:
        line = explain(error)
        if line is None or "--traceback" in argv:
            raise
        sys.stderr.write(f"{line}\n")
        return 1
    return 0


def discard_output() -> None:
    """Let the interpreter's last flush go nowhere: the program that read the output has ended."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class CommandLine(ManagementUtility):
    """Django's command line, with the product's commands first in its help."""

    def main_help_text(self, commands_only: bool = False) -> str:  # noqa: FBT001, FBT002  (Django's signature)
        if commands_only:
            return str(super().main_help_text(commands_only=True))
        lines = [f"Usage: {self.prog_name} COMMAND [options]", "", "Commands of Second Look:"]
        lines += [f"  {name:<13}{summary}" for name, summary in product_commands()]
        lines += ["", "Commands of Django and of libraries:", *other_commands()]
        return "\n".join([*lines, "", f"'{self.prog_name} COMMAND --help' describes a command."])


def product_commands() -> Iterator[tuple[str, str]]:
    """Yield each command of the product with the first sentence of its help."""
    for name, app in sorted(get_commands().items()):
        if is_product_command(name):
            yield name, re.split(r"(?<=\.)\s", load_command_class(app, name).help)[0]


def other_commands() -> Iterator[str]:
    """Yield a paragraph for each library: its name, and the names of its commands."""
    others = [(app, name) for name, app in get_commands().items() if not is_product_command(name)]
    for app, pairs in groupby(sorted(others), key=lambda pair: pair[0]):
        names = ", ".join(name for _, name in pairs)
        yield fill(
            f"{app.removeprefix('django.').removeprefix('contrib.')}: {names}",
            width=100,
            initial_indent="  ",
            subsequent_indent="    ",
        )
