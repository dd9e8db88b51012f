"""Read JSON objects one by one, so that a file of any length needs little memory."""

import json
import re
from collections.abc import Iterator
from typing import Any, TextIO

from moderation.hashlists.rows import ListNotAccepted

CHUNK = 65_536
#: The most characters of one object. An entry of a hash list never comes near.
LONGEST = 1_000_000
OPENING = re.compile(r'\s*(?:\{\s*"data"\s*:\s*)?\[')
SPACE = re.compile(r"\s*")


def objects(text: TextIO) -> Iterator[Any]:
    """Yield the elements of `{"data": [...]}` or of an array, or the objects that follow each other in `text`.

    Raises:
        ListNotAccepted: the text is not JSON, or ends within an array.
    """
    reader = _Reader(text)
    reader.read_on()
    opening = OPENING.match(reader.buffer)
    if opening is None:
        while reader.peek():
            yield reader.value()
        return
    reader.place = opening.end()
    while (found := reader.peek()) != "]":
        if found == ",":
            reader.place += 1
            continue
        yield reader.value()


class _Reader:
    """A window on a text. The part of `buffer` from `place` on has not been parsed yet."""

    def __init__(self, text: TextIO) -> None:
        self.text, self.buffer, self.place, self.count = text, "", 0, 0
        self._decoder = json.JSONDecoder()

    def read_on(self) -> bool:
        """Append the next chunk; return whether there was one."""
        more = self.text.read(CHUNK)
        self.buffer = self.buffer[self.place :] + more
        self.place = 0
        return bool(more)

    def peek(self) -> str:
        """Return the next character that is not a space, without consuming it; "" at the end."""
        while True:
            self.place = SPACE.match(self.buffer, self.place).end()  # type: ignore[union-attr]  # it always matches
            if self.place < len(self.buffer):
                return self.buffer[self.place]
            if not self.read_on():
                return ""

    def value(self) -> Any:
        """Parse and return the next value."""
        while True:
            try:
                value, self.place = self._decoder.raw_decode(self.buffer, self.place)
            except (json.JSONDecodeError, RecursionError) as error:
                if len(self.buffer) - self.place > LONGEST or not self.read_on():
                    raise ListNotAccepted(f"entry {self.count + 1}: this is not JSON, or it ends too early") from error
            else:
                self.count += 1
                return value
