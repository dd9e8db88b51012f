"""The base of the product's commands."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

DJANGO_OPTIONS = ("--verbosity", "--settings", "--pythonpath", "--traceback", "--no-color", "--force-color")


class ProductCommand(BaseCommand):
    """A command whose help lists its own options, and in one line those that Django adds to every command."""

    suppressed_base_arguments = {*DJANGO_OPTIONS, "-v", "--version"}

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        epilog = f"Every command also accepts Django's {', '.join(DJANGO_OPTIONS)}."
        return super().create_parser(prog_name, subcommand, epilog=epilog, **kwargs)
