"""Tables for a terminal."""

from collections.abc import Sequence

from django.core.management.base import OutputWrapper
from rich.console import Console
from rich.table import Table

WIDTH = 140


def write_table(out: OutputWrapper, heading: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write a table as wide as the terminal; where there is no terminal, wide enough for every row."""
    console = Console(width=None if out.isatty() else WIDTH)
    table = Table(*heading, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    with console.capture() as drawn:
        console.print(table)
    out.write(drawn.get())
