"""Idempotency keys: repeated and simultaneous requests with one key and body all get one answer."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import OperationalError
from psycopg.errors import LockNotAvailable

from moderation.locks import advisory_lock
from moderation.models import ApiToken, IdempotentAnswer

KEY_LENGTH = 255


class KeyTooLong(Exception):
    """An Idempotency-Key has at most 255 characters."""


class KeyReused(Exception):
    """The key was used with another body before."""


class KeyBusy(Exception):
    """A request with this key is still in progress."""


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    status_code: int
    content: dict[str, Any]
    replayed: bool = False


def answer_once(key: str, *, token: ApiToken, body_sha256: str, answer: Callable[[], StoredAnswer]) -> StoredAnswer:
    """Return the stored answer to `key`, or call `answer` and store its result. Status codes from 500 are not stored.

    A process that dies in between leaves an upload without a stored answer; the retry then reports a duplicate.

    Raises:
        KeyTooLong: longer than 255 characters.
        KeyReused: this token sent the key with another body.
        KeyBusy: the first request takes longer than the database's lock timeout.
    """
    if len(key) > KEY_LENGTH:
        raise KeyTooLong(
            f"Found an Idempotency-Key of {len(key)} characters; at most {KEY_LENGTH} are accepted. Send a shorter one."
        )
    with _locked(f"idempotency {token.pk} {key}"):
        if stored := _stored(key, token=token, body_sha256=body_sha256):
            return stored
        fresh = answer()
        if fresh.status_code < 500:
            token.answers.create(key=key, body_sha256=body_sha256, status_code=fresh.status_code, answer=fresh.content)
        return fresh


def _stored(key: str, *, token: ApiToken, body_sha256: str) -> StoredAnswer | None:
    stored = IdempotentAnswer.objects.filter(token=token, key=key).first()
    if stored is None:
        return None
    if stored.body_sha256 != body_sha256:
        raise KeyReused(
            f"Found the Idempotency-Key {key!r} with another body; the body of {stored.created_at:%Y-%m-%d %H:%M:%S} "
            "UTC is accepted. Send a new key with a new body."
        )
    return StoredAnswer(status_code=stored.status_code, content=stored.answer, replayed=True)


@contextmanager
def _locked(name: str) -> Iterator[None]:
    """Hold the session's lock `name`. No transaction is open: the image is decoded and written meanwhile."""
    with ExitStack() as stack:
        try:
            stack.enter_context(advisory_lock(name))
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
            raise KeyBusy(
                "Found a request with the same Idempotency-Key that is still in progress. Nothing was changed. Send "
                "this one again later."
            ) from error
        yield
