import hashlib

import pytest

from moderation.intake.digests import CHUNK, Digests


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 7])
def test_each_digest_covers_every_byte(size: int) -> None:
    content = bytes(number * 7 % 251 for number in range(size))
    digests = Digests.of(content)
    for name in ("sha256", "md5", "sha1"):
        assert getattr(digests, name) == hashlib.new(name, content, usedforsecurity=False).hexdigest()
