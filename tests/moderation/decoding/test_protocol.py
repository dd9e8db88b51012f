"""A written message is read back, and invalid bytes are refused before they cost memory."""

import io
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.decoding.protocol import BadMessage, Message, read_message, write_message


def read(content: bytes) -> Message:
    stream = io.BytesIO(content)
    return read_message(lambda count: bytearray(stream.read(count)))


@given(st.dictionaries(st.text().filter(lambda name: name != "blobs"), st.text()), st.lists(st.binary()))
def test_a_written_message_is_read_back(header: dict[str, str], blobs: list[bytes]) -> None:
    stream = io.BytesIO()
    write_message(stream, header, blobs=blobs)
    assert read(stream.getvalue()) == (header, [bytearray(blob) for blob in blobs])


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"blobs": 1}',
        b'{"blobs": [-1]}',
        b'{"blobs": ["x"]}',
        b'{"blobs": [999999999]}',
        b'{"blobs": [1e400]}',
        b'{"blobs": [0.5]}',
        b'{"blobs": [true]}',
        b'{"blobs": ["1"]}',
        b'{"blobs": "12"}',
    ],
)
def test_invalid_headers_are_refused(header: bytes) -> None:
    with pytest.raises(BadMessage):
        read(struct.pack(">I", len(header)) + header)


def test_a_huge_header_is_refused_before_it_is_read() -> None:
    with pytest.raises(BadMessage, match="a header of 4294967295 bytes"):
        read(b"\xff" * 4 + json.dumps({"blobs": []}).encode())
