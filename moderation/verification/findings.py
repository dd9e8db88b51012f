"""What a rule finds, and walking through more rows than fit into memory."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

#: Which row or file, and what was found of it.
Finding = tuple[str, str]
Thing = TypeVar("Thing")


def batches(things: Iterable[Thing], *, size: int = 1000) -> Iterator[list[Thing]]:
    things = iter(things)
    while batch := list(islice(things, size)):
        yield batch
