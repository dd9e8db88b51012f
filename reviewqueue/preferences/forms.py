"""A person's own keys."""

from collections import Counter
from typing import Any

from django import forms

from moderation.models import User
from reviewqueue.shortcuts import ACTIONS, DEFAULTS, DIGITS


class KeyInput(forms.TextInput):
    """An input for one character."""

    def __init__(self) -> None:
        super().__init__(attrs={"class": "key-input", "autocomplete": "off", "autocapitalize": "none", "maxlength": 1})


class KeysForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """The key of each action, or single keys switched off. No two actions share a key."""

    class Meta:
        model = User
        fields = ["single_key_shortcuts"]
        labels = {"single_key_shortcuts": "Use single keys"}
        help_texts = {
            "single_key_shortcuts": "Switch them off if you use speech input, or if you press keys by accident. "
            "Buttons and Tab still work."
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        current = DEFAULTS | self.instance.shortcuts
        for action in ACTIONS:
            self.fields[action.name] = forms.CharField(
                label=action.label, max_length=1, initial=current[action.name], widget=KeyInput()
            )

    def clean(self) -> dict[str, Any]:
        content = super().clean() or {}
        keys = {action.name: content.get(action.name, "").lower() for action in ACTIONS}
        uses = Counter(keys.values())
        for name, key in keys.items():
            if key and (problem := self._problem(key, uses=uses[key])):
                self.add_error(name, problem)
        return content | keys

    def save(self, commit: bool = True) -> User:  # noqa: FBT001, FBT002  (Django's signature)
        keys = {action.name: self.cleaned_data[action.name] for action in ACTIONS}
        self.instance.shortcuts = {name: key for name, key in keys.items() if key != DEFAULTS[name]}
        if commit:
            self.instance.save(update_fields=["single_key_shortcuts", "shortcuts"])
        changed: User = self.instance
        return changed

    @staticmethod
    def _problem(key: str, *, uses: int) -> str:
        """Describe the problem with ``key``; empty for a valid one."""
        if key in DIGITS:
            return f"{key} chooses a reason. Use a letter or a sign."
        if not key.isprintable() or key.isspace():
            return "Space reveals the image. Use a letter or a sign."
        return f"{key.upper()} is used {uses} times. Give each action its own key." if uses > 1 else ""
