"""Messages between the decode process and its parent: a JSON header and raw bytes, never pickle.

A message consists of

* 4 bytes: the length of the header, big-endian;
* the header, a JSON object whose "blobs" holds the lengths of the blobs;
* the blobs, one after the other.
"""

import json
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, BinaryIO

#: Limits on messages from a process that a hostile file may control.
MAX_HEADER_BYTES = 1_000_000
MAX_BLOB_BYTES = 256_000_000

_LENGTH = struct.Struct(">I")

Message = tuple[dict[str, Any], list[bytearray]]


class BadMessage(ValueError):
    """The bytes are not a message of this protocol."""


def write_message(stream: BinaryIO, header: Mapping[str, Any], *, blobs: Sequence[bytes] = ()) -> None:
    """Write one message and flush it."""
    encoded = json.dumps({**header, "blobs": [len(blob) for blob in blobs]}).encode("ascii")
    stream.write(_LENGTH.pack(len(encoded)) + encoded)
    for blob in blobs:
        stream.write(blob)
    stream.flush()


def read_message(read_exactly: Callable[[int], bytearray]) -> Message:
    """Read one message through ``read_exactly(count)``, which raises when the other side has closed the pipe.

    Raises:
        BadMessage: the bytes are not a message, or the message is longer than the limits.
    """
    (length,) = _LENGTH.unpack(read_exactly(_LENGTH.size))
    if length > MAX_HEADER_BYTES:
        raise BadMessage(f"a header of {length} bytes; at most {MAX_HEADER_BYTES} are accepted")
    header, lengths = _parse(bytes(read_exactly(length)))
    return header, [read_exactly(length) for length in lengths]


def _parse(encoded: bytes) -> tuple[dict[str, Any], list[int]]:
    try:
        header = json.loads(encoded)
        lengths = list(header.pop("blobs"))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BadMessage(f"not a message header: {encoded[:80]!r}") from error
    # JSON also allows 1e400, 0.5 and true.
    if any(type(length) is not int for length in lengths):
        raise BadMessage(f"not a message header: {encoded[:80]!r}")
    if any(length < 0 for length in lengths) or sum(lengths) > MAX_BLOB_BYTES:
        raise BadMessage(f"{sum(lengths)} bytes follow; at most {MAX_BLOB_BYTES} are accepted")
    return header, lengths
