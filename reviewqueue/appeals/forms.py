"""Why somebody wants another look."""

from typing import Any

from django import forms

from moderation.models import Objection, Upload, User
from moderation.review import objecting


class ObjectionForm(forms.Form):
    """A report or an appeal on one upload; which policy, where it was screened under several."""

    text = forms.CharField(
        label="Why",
        max_length=objecting.MOST_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Kept with the upload. Whoever looks does not see it before their verdict.",
        error_messages={"required": "Say why, in a sentence: it is kept with the upload."},
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

    def put(self, *, kind: str, by: User) -> Objection:
        return objecting.object_to(
            self.upload, kind=kind, text=self.cleaned_data["text"], policy=self.cleaned_data["policy"], by=by
        )
