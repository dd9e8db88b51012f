"""A moderator's claim on a review task, and the token that tells one claim from the next."""

import secrets
import uuid
from dataclasses import dataclass

from django.utils.crypto import constant_time_compare, salted_hmac

from moderation.models import ReviewTask, User

NONCE_BYTES = 8


class ClaimLost(Exception):
    """The claim expired, the task was taken or decided, or another claim of the same person replaced it."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A moderator's claim on a task. The token is new at every claim, so that two tabs and two claims differ."""

    moderator: User
    token: uuid.UUID

    @classmethod
    def new(cls, task_id: int, *, moderator: User) -> "Claim":
        """Make a claim: half of its token is random, half signs the random half, the task and the person."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return cls(moderator=moderator, token=uuid.UUID(bytes=nonce + _signature(nonce, task_id, moderator.pk)))

    @classmethod
    def from_task(cls, task: ReviewTask) -> "Claim | None":
        """Return the claim that is recorded on the row. Whether it still holds, only the database can tell."""
        if task.claimed_by is None or task.claim_token is None:
            return None
        return cls(moderator=task.claimed_by, token=task.claim_token)

    def was_on(self, task_id: int) -> bool:
        """Return whether this person once claimed that task with this token; nothing has to be stored for that.

        False for tokens that were signed with another SECRET_KEY. Whether the claim still holds, only the database
        can tell.
        """
        nonce, signed = self.token.bytes[:NONCE_BYTES], self.token.bytes[NONCE_BYTES:]
        return constant_time_compare(signed.hex(), _signature(nonce, task_id, self.moderator.pk).hex())


def _signature(nonce: bytes, task_id: int, moderator_id: int) -> bytes:
    value = f"{nonce.hex()} {task_id} {moderator_id}"
    return salted_hmac("moderation.claims", value, algorithm="sha256").digest()[: 16 - NONCE_BYTES]
