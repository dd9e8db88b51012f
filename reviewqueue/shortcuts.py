"""Single keys and their actions. People may change them or switch them off (WCAG 2.1.4)."""

from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser

from moderation.models import User

DIGITS = "123456789"


@dataclass(frozen=True, kw_only=True)
class Action:
    """Something a key does. ``key`` is the default."""

    name: str
    label: str
    key: str


ACTIONS = [
    Action(name="reveal", label="Reveal or blur the image", key="v"),
    Action(name="previous_picture", label="Previous picture of a file with several", key=","),
    Action(name="next_picture", label="Next picture of a file with several", key="."),
    Action(name="zoom", label="Zoom: enlarge the picture, or show all of it", key="z"),
    Action(name="approve", label="Approve: the policy allows it", key="a"),
    Action(name="reject", label="Reject: open the reasons", key="r"),
    Action(name="cannot_tell", label="Cannot tell: another person reviews it too", key="n"),
    Action(name="skip", label="Skip: never show it to me again", key="s"),
    Action(name="undo", label="Undo my last action: a verdict or a skip", key="u"),
    Action(name="duplicates", label="Show the near-duplicates that took over my last decision", key="d"),
    Action(name="help", label="Show the keys", key="?"),
]
DEFAULTS = {action.name: action.key for action in ACTIONS}


def keys_of(user: User | AnonymousUser) -> dict[str, str]:
    """Map each action to its key for ``user``; empty where single keys are switched off."""
    if isinstance(user, AnonymousUser) or not user.single_key_shortcuts:
        return {}
    own = {name: key for name, key in user.shortcuts.items() if name in DEFAULTS}
    # A new action of an upgrade may have a default key that the person uses for another one.
    return {name: key for name, key in DEFAULTS.items() if key not in own.values()} | own
