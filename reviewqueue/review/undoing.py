"""Taking back the last action: what the person is told."""

from moderation.review.deciding import UndoRefused
from moderation.review.taking_back import TakenBack, last_action_of, take_back
from reviewqueue.permissions import ReviewerRequest
from reviewqueue.review.forms import TakeBackForm


def undo_named_action(request: ReviewerRequest) -> str:
    """Take back the action that the form names, or the newest, and return what happened.

    Raises:
        UndoRefused: nothing was changed; its text says why.
    """
    form = TakeBackForm(request.POST)
    if not form.is_valid():
        raise UndoRefused("No action has that name. Nothing was changed.")
    action = last_action_of(request.user, token=form.cleaned_data["action"])
    if action is None:
        raise UndoRefused("That action was undone already. Nothing was changed.")
    return _notice(take_back(action, by=request.user))


def _notice(undone: TakenBack) -> str:
    if undone.was_skip:
        return (
            "Your skip was undone. The upload is with you again."
            if undone.held_again
            else "Your skip was undone, but the upload is not free: someone else reviews it or has decided it."
        )
    effect = "The reverse is in effect." if undone.reversed else "Nothing had taken effect."
    where = (
        "The upload is with you again."
        if undone.held_again
        else "The grace period was over and its score could be seen, so someone else reviews the upload."
    )
    return f"Your decision was undone. {effect} {where}"
