"""The last action of a person in the queue, a verdict or a skip, and how it is taken back."""

import uuid
from dataclasses import dataclass

from moderation.models import Decision, Skip, User
from moderation.review import claiming, deciding

Action = Decision | Skip


@dataclass(frozen=True, kw_only=True)
class TakenBack:
    """What taking an action back has done.

    Attributes:
        was_skip: whether the action was a skip.
        held_again: whether the person holds the task again.
        reversed: whether the verdict had taken effect, which the reverse effect now restores.
    """

    was_skip: bool
    held_again: bool
    reversed: bool = False


def last_action_of(moderator: User, *, token: uuid.UUID | None = None) -> Action | None:
    """Return the newest verdict or skip that was not taken back; only the one under the claim ``token``, if given."""
    named = {} if token is None else {"claim_token": token}
    verdict = Decision.objects.last_verdict_of(moderator).filter(**named).first()
    skip = Skip.objects.last_of(moderator).filter(**named).first()
    if verdict is None or skip is None:
        return verdict or skip
    return skip if skip.created_at > verdict.decided_at else verdict


def take_back(action: Action, *, by: User) -> TakenBack:
    """Undo the verdict, or let the person be served the skipped task again and claim it where it is free.

    Raises:
        UndoRefused: it was taken back already, or someone else has built on it.
    """
    if isinstance(action, Skip):
        return TakenBack(was_skip=True, held_again=claiming.take_back_skip(action) is not None)
    assert action.task is not None
    undo = deciding.undo(action.task, by=by)
    return TakenBack(was_skip=False, held_again=undo.blind, reversed=undo.effects.exists())
