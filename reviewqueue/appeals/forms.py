"""Why somebody asks for another review."""

from typing import Any

from django import forms

from moderation.models import Objection, Upload, User
from moderation.review import objections


class ObjectionForm(forms.Form):
    """A report or an appeal on one upload; it names the policy where the upload was screened under several."""

    text = forms.CharField(
        label="Why",
        max_length=objections.MAX_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="The upload keeps it. The reviewer sees it only after the verdict.",
        error_messages={"required": "Say why, in a sentence. The upload keeps it."},
    )
    policy = forms.ChoiceField(label="Policy")

    def __init__(self, *args: Any, upload: Upload, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        self.upload = upload
        live = upload.screenings.live().select_related("policy").order_by("policy")
        policies = [(screening.policy.slug, screening.policy.name) for screening in live]
        self.fields["policy"].choices = policies  # type: ignore[attr-defined]
        if len(policies) < 2:
            self.fields["policy"].required = False
            self.fields["policy"].widget = forms.HiddenInput()

    def raise_objection(self, *, kind: str, by: User) -> Objection:
        """Record the report or appeal and ask for another review.

        Raises:
            ObjectionRefused: the upload cannot be objected to now. Nothing is written.
        """
        return objections.object_to(
            self.upload, kind=kind, text=self.cleaned_data["text"], policy=self.cleaned_data["policy"], by=by
        )
