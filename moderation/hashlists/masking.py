"""Hides hashes in messages: hash lists are sensitive, and messages are logged."""

import re

#: Hexadecimal digits that may be a hash, or a part of one.
_MAY_BE_A_HASH = re.compile(r"[0-9A-Fa-f]{16,}")


def masked(text: str) -> str:
    """Return `text` with "[hash]" in place of everything that may be a hash."""
    return _MAY_BE_A_HASH.sub("[hash]", text)


def quoted(text: str) -> str:
    """Return the beginning of `text` in quotation marks, for a message about a value that was found."""
    return repr(masked(text)[:40])
