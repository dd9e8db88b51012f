"""Single keys and what they do. People may change them or switch them off (WCAG 2.1.4)."""

from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser

from moderation.models import User

DIGITS = "123456789"


@dataclass(frozen=True, kw_only=True)
class Action:
    name: str
    label: str
    key: str


ACTIONS = [
    Action(name="reveal", label="Reveal or blur the image", key="v"),
    Action(name="previous_picture", label="Previous picture of a file with several", key=","),
    Action(name="next_picture", label="Next picture of a file with several", key="."),
    Action(name="approve", label="Approve: the policy allows it", key="a"),
    Action(name="reject", label="Reject: open the reasons", key="r"),
    Action(name="cannot_tell", label="Cannot tell: someone else looks as well", key="n"),
    Action(name="skip", label="Skip: not served to me again", key="s"),
    Action(name="undo", label="Undo my last decision", key="u"),
    Action(name="duplicates", label="See what took over my last decision as nearly the same picture", key="d"),
    Action(name="help", label="Show the keys", key="?"),
]
DEFAULTS = {action.name: action.key for action in ACTIONS}


def keys_of(user: User | AnonymousUser) -> dict[str, str]:
    """Action to key for ``user``; empty where single keys are switched off."""
    if isinstance(user, AnonymousUser) or not user.single_key_shortcuts:
        return {}
    own = {name: key for name, key in user.shortcuts.items() if name in DEFAULTS}
    # An action that came with an upgrade may have a default key that the person uses for something else.
    return {name: key for name, key in DEFAULTS.items() if key not in own.values()} | own
