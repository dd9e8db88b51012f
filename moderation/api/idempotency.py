"""The same Idempotency-Key with the same body gets the same answer, however often and at once it is sent."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import OperationalError, connection
from psycopg.errors import LockNotAvailable

from moderation.models import ApiToken, IdempotentAnswer

KEY_LENGTH = 255


class KeyTooLong(Exception):
    """An Idempotency-Key has at most 255 characters."""


class KeyReused(Exception):
    """The key came with another body before."""


class KeyBusy(Exception):
    """A request with this key is still being worked on."""


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    status_code: int
    content: dict[str, Any]
    replayed: bool = False


def answer_once(key: str, *, token: ApiToken, body_sha256: str, answer: Callable[[], StoredAnswer]) -> StoredAnswer:
    """Call ``answer`` and remember what it says, or say again what was said; failures (500 on) are forgotten.

    A process that dies in between leaves an upload without an answer; the retry then hears of a duplicate.

    Raises:
        KeyTooLong: longer than 255 characters.
        KeyReused: this token sent the key with another body.
        KeyBusy: the same request took longer than the database's lock timeout.
    """
    if len(key) > KEY_LENGTH:
        raise KeyTooLong(
            f"Found an Idempotency-Key of {len(key)} characters; at most {KEY_LENGTH} are accepted. Send a shorter one."
        )
    with _alone(f"idempotency {token.pk} {key}"):
        if said := _said_before(key, token=token, body_sha256=body_sha256):
            return said
        fresh = answer()
        if fresh.status_code < 500:
            token.answers.create(key=key, body_sha256=body_sha256, status_code=fresh.status_code, answer=fresh.content)
        return fresh


def _said_before(key: str, *, token: ApiToken, body_sha256: str) -> StoredAnswer | None:
    said = IdempotentAnswer.objects.filter(token=token, key=key).first()
    if said is None:
        return None
    if said.body_sha256 != body_sha256:
        raise KeyReused(
            f"Found the Idempotency-Key {key!r} with another body; the body of {said.created_at:%Y-%m-%d %H:%M:%S} UTC "
            "is accepted. Send a new key with a new body."
        )
    return StoredAnswer(status_code=said.status_code, content=said.answer, replayed=True)


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """Hold a lock of the session, not of a transaction: files are decoded and written meanwhile."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
    with connection.cursor() as cursor:
        try:
            cursor.execute("SELECT pg_advisory_lock(%s)", [number])
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
            raise KeyBusy(
                "Found a request with the same Idempotency-Key that is still being worked on. Send it again later."
            ) from error
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [number])
