"""JSON objects one by one, so that a file of any length takes little memory."""

import json
import re
from collections.abc import Iterator
from typing import Any, TextIO

from moderation.hashlists.rows import ListNotAccepted

CHUNK = 65_536
#: Characters of one object; longer ones are none that we know.
LONGEST = 1_000_000
OPENING = re.compile(r'\s*(?:\{\s*"data"\s*:\s*)?\[')
SPACE = re.compile(r"\s*")


def objects(text: TextIO) -> Iterator[Any]:
    """The elements of ``{"data": [...]}`` or of an array, or the objects that stand in ``text`` one after the other.

    Raises:
        NotAccepted: it is no JSON, or ends within an array.
    """
    reader = _Reader(text)
    reader.read_on()
    opening = OPENING.match(reader.buffer)
    if opening is None:
        while reader.next():
            yield reader.value()
        return
    reader.place = opening.end()
    while (found := reader.next()) != "]":
        if found == ",":
            reader.place += 1
            continue
        yield reader.value()


class _Reader:
    """A window on a text: ``buffer`` from ``place`` on is still to be read."""

    def __init__(self, text: TextIO) -> None:
        self.text, self.buffer, self.place, self.count = text, "", 0, 0
        self._decoder = json.JSONDecoder()

    def read_on(self) -> bool:
        """Whether there was more."""
        more = self.text.read(CHUNK)
        self.buffer = self.buffer[self.place :] + more
        self.place = 0
        return bool(more)

    def next(self) -> str:
        """The next character that is no space; nothing at the end."""
        while True:
            self.place = SPACE.match(self.buffer, self.place).end()  # type: ignore[union-attr]  # it matches nothing, too
            if self.place < len(self.buffer):
                return self.buffer[self.place]
            if not self.read_on():
                return ""

    def value(self) -> Any:
        while True:
            try:
                value, self.place = self._decoder.raw_decode(self.buffer, self.place)
            except (json.JSONDecodeError, RecursionError) as error:
                if len(self.buffer) - self.place > LONGEST or not self.read_on():
                    raise ListNotAccepted(f"entry {self.count + 1}: this is no JSON, or it ends too early") from error
            else:
                self.count += 1
                return value
