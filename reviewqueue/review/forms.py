"""The verdict that a moderator sends."""

from typing import Any

from django import forms

from moderation.models import Decision, ReviewTask, Verdict
from moderation.review import deciding
from moderation.review.claims import Claim


class DecisionForm(forms.Form):
    """A verdict, with a reason of the policy where it is a rejection."""

    verdict = forms.ChoiceField(choices=Verdict.choices)
    reason = forms.CharField(required=False, max_length=60)
    comment = forms.CharField(required=False, max_length=2000)
    unseen = forms.CharField(required=False)

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

    @property
    def is_unseen_confirmed(self) -> bool:
        """Whether the person has said that they mean a verdict on an image that they did not reveal."""
        return bool(self.cleaned_data["unseen"] == "confirmed")

    def decide(self, *, claim: Claim) -> Decision:
        """Record the verdict.

        Raises:
            ClaimLost: the claim does not hold any more. Nothing is written.
        """
        content = self.cleaned_data
        return deciding.decide(
            self.task, Verdict(content["verdict"]), claim=claim, reason=content["reason"], comment=content["comment"]
        )

    def _check_reason(self, content: dict[str, Any]) -> None:
        reasons = {reason["code"]: reason for reason in self.task.rules.reasons}
        chosen = reasons.get(content.get("reason", ""))
        if chosen is None:
            self.add_error("reason", f"Choose one of the {len(reasons)} reasons of this policy.")
        elif chosen.get("comment") and not content.get("comment"):
            self.add_error("comment", f"“{chosen['text']}” needs a comment. Describe the image in a few words.")


class TakeBackForm(forms.Form):
    """The action to take back, named by the claim under which it was done; the newest where the form names none."""

    action = forms.UUIDField(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["action"].required = "action" in self.data
