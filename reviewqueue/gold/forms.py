"""Forms that mark gold items, retire them, and set how often people meet one."""

from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import BigIntegerField

from moderation.models import GoldItem, Policy, Upload, User, Verdict
from moderation.review import gold
from reviewqueue.threshold_fields import PercentField

WHY_MISSING = "Say why, in a sentence. The item keeps it."
NUMBER_WRONG = {"invalid": "Write the number of an upload.", "min_value": "Write the number of an upload."}


class MarkForm(forms.Form):
    """An upload and its right verdict."""

    upload = forms.IntegerField(
        label="Upload", min_value=1, max_value=BigIntegerField.MAX_BIGINT, error_messages=NUMBER_WRONG,
        widget=forms.NumberInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip
    truth = forms.ChoiceField(
        label="Right verdict",
        choices=[(Verdict.VIOLATING.value, "violating"), (Verdict.BENIGN.value, "benign")],
        widget=forms.RadioSelect,
    )
    why = forms.CharField(label="How you know it", max_length=500, error_messages={"required": WHY_MISSING})

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""

    def clean_upload(self) -> Upload:
        number = self.cleaned_data["upload"]
        upload = Upload.objects.filter(pk=number).first()
        if upload is None:
            raise forms.ValidationError(f"Upload {number} does not exist. Check the number.")
        return upload

    def mark(self, *, policy: Policy, by: User) -> GoldItem:
        content = self.cleaned_data
        return gold.mark(
            content["upload"], truth=Verdict(content["truth"]), why=content["why"], by=by, policy=policy.slug
        )


class RetireForm(forms.Form):
    """Why an item is retired."""

    why = forms.CharField(max_length=500, error_messages={"required": WHY_MISSING})


class RateForm(forms.Form):
    """How many of the tasks that people claim are gold items, in per cent."""

    rate = PercentField(label="Gold items, % of claimed tasks", example="2", most=gold.MAX_RATE * 100)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""

    @property
    def as_share(self) -> float:
        percent: Decimal = self.cleaned_data["rate"]
        return float(percent / 100)
