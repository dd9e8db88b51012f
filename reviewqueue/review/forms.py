"""What people send: a verdict, a word on quarantine, their keys."""

import uuid
from collections import Counter
from typing import Any

from django import forms
from django.db.models import BigIntegerField
from django.http import HttpRequest

from moderation.models import Claim, Decision, ReviewTask, Upload, User, Verdict
from moderation.review.quarantine import retry_quarantined, settle_quarantine
from reviewqueue.shortcuts import ACTIONS, DEFAULTS, DIGITS

NO_TOKEN = uuid.UUID(int=0)


def claim_of(request: HttpRequest, user: User) -> Claim:
    """The claim that a form carries. A token that is missing or garbled is like one that was lost: it holds nothing."""
    try:
        token = uuid.UUID(request.POST.get("token", ""))
    except ValueError:
        token = NO_TOKEN
    return Claim(moderator=user, token=token)


class DecisionForm(forms.Form):
    verdict = forms.ChoiceField(choices=Verdict.choices)
    reason = forms.CharField(required=False, max_length=60)
    comment = forms.CharField(required=False, max_length=2000)

    def __init__(self, *args: Any, task: ReviewTask, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.task = task

    def clean(self) -> dict[str, Any]:
        content = super().clean() or {}
        if content.get("verdict") == Verdict.VIOLATING:
            self._check_reason(content)
        else:
            content["reason"] = ""
        return content

    def decide(self, *, claim: Claim) -> Decision:
        content = self.cleaned_data
        return self.task.decide(
            Verdict(content["verdict"]), claim=claim, reason=content["reason"], comment=content["comment"]
        )

    def _check_reason(self, content: dict[str, Any]) -> None:
        reasons = {reason["code"]: reason for reason in self.task.rules.reasons}
        chosen = reasons.get(content.get("reason", ""))
        if chosen is None:
            self.add_error("reason", f"Choose one of the {len(reasons)} reasons of this policy.")
        elif chosen.get("comment") and not content.get("comment"):
            self.add_error("comment", f"“{chosen['text']}” needs a comment: say in a few words what it is.")


class UndoForm(forms.Form):
    """Which verdict to take back; the newest, where nothing is said."""

    decision = forms.IntegerField(required=False, min_value=1, max_value=BigIntegerField.MAX_BIGINT)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["decision"].required = "decision" in self.data


class QuarantineForm(forms.Form):
    """A lead's word on an upload that could not be read safely."""

    ACTIONS = {"retry": "Retry", "reject": "Reject", "approve": "Approve unseen"}

    action = forms.ChoiceField(choices=list(ACTIONS.items()))
    why = forms.CharField(max_length=2000, error_messages={"required": "Say why: it is kept with the decision."})

    def settle(self, upload: Upload, *, by: User) -> Decision | None:
        """Do it; a retry decides nothing."""
        why = self.cleaned_data["why"]
        if self.cleaned_data["action"] == "retry":
            retry_quarantined(upload, why=why)
            return None
        verdict = Verdict.VIOLATING if self.cleaned_data["action"] == "reject" else Verdict.BENIGN
        return settle_quarantine(upload, verdict=verdict, reviewer=by, comment=why)


class KeysForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """Which key does what, or none at all. Two actions never share a key."""

    class Meta:
        model = User
        fields = ["single_key_shortcuts"]
        labels = {"single_key_shortcuts": "Use single keys"}
        help_texts = {"single_key_shortcuts": "Off: only buttons and Tab. Speech input and shaky hands may want that."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        now = DEFAULTS | self.instance.shortcuts
        for action in ACTIONS:
            self.fields[action.name] = forms.CharField(
                label=action.label, max_length=1, initial=now[action.name], widget=KeyInput()
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
        if key in DIGITS:
            return f"{key} chooses a reason. Take a letter or a sign."
        if not key.isprintable() or key.isspace():
            return "Take a letter or a sign; Space reveals while it is held."
        return f"{key.upper()} is used {uses} times. Give each action a key of its own." if uses > 1 else ""


class KeyInput(forms.TextInput):
    def __init__(self) -> None:
        super().__init__(attrs={"class": "key-input", "autocomplete": "off", "autocapitalize": "none", "maxlength": 1})
