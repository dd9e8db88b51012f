"""Why somebody removes an upload from its near-duplicates."""

from django import forms


class RemovalForm(forms.Form):
    why = forms.CharField(
        max_length=500,
        error_messages={"required": "Say why it is a different image. The upload's history keeps it."},
    )
