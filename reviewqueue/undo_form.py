"""The form that takes a verdict back."""

from typing import Any

from django import forms
from django.db.models import BigIntegerField


class UndoForm(forms.Form):
    """The decision to undo; the newest where the form names none."""

    decision = forms.IntegerField(required=False, min_value=1, max_value=BigIntegerField.MAX_BIGINT)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["decision"].required = "decision" in self.data
