"""The findings of rules, and batches of rows for more rows than fit into memory."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

#: (row or file, problem found)
Finding = tuple[str, str]
Thing = TypeVar("Thing")

BATCH = 1000


def batches(things: Iterable[Thing], *, size: int = BATCH) -> Iterator[list[Thing]]:
    """Yield lists of at most `size` things, in order."""
    things = iter(things)
    while batch := list(islice(things, size)):
        yield batch
