"""A moderator's hold on a task, and the token that tells one hold from the next."""

import secrets
import uuid
from dataclasses import dataclass

from django.utils.crypto import constant_time_compare, salted_hmac

from moderation.models.people import User

NONCE_BYTES = 8


class ClaimLost(Exception):
    """The claim ran out, the task was taken or decided, or another claim of the same person replaced it."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A moderator's hold on a task. The token is new at every claim, so that two tabs and two claims differ."""

    moderator: User
    token: uuid.UUID

    @classmethod
    def on(cls, task_id: int, *, moderator: User) -> "Claim":
        """A new one: half of its token is chance, half a signature of the chance, the task and the person."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return cls(moderator=moderator, token=uuid.UUID(bytes=nonce + _signature(nonce, task_id, moderator.pk)))

    def was_on(self, task_id: int) -> bool:
        """Whether this person once held that task by this token; nobody had to keep it for that.

        Says no to what was signed with another SECRET_KEY. Whether the claim still holds, the database says.
        """
        nonce, signed = self.token.bytes[:NONCE_BYTES], self.token.bytes[NONCE_BYTES:]
        return constant_time_compare(signed.hex(), _signature(nonce, task_id, self.moderator.pk).hex())


def _signature(nonce: bytes, task_id: int, moderator_id: int) -> bytes:
    value = f"{nonce.hex()} {task_id} {moderator_id}"
    return salted_hmac("moderation.claims", value, algorithm="sha256").digest()[: 16 - NONCE_BYTES]
