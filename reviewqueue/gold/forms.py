"""Marking gold items, taking them out of use, and how often people meet one."""

from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import BigIntegerField

from moderation.models import GoldItem, Policy, Upload, User, Verdict
from moderation.review import gold
from reviewqueue.thresholds.forms import PercentField

WHY = "Say why, in a sentence: it is kept with the item."
NUMBER = {"invalid": "Write an upload's number.", "min_value": "Write an upload's number."}


class MarkForm(forms.Form):
    """One upload, and the verdict that is right."""

    upload = forms.IntegerField(
        label="Upload", min_value=1, max_value=BigIntegerField.MAX_BIGINT, error_messages=NUMBER,
        widget=forms.NumberInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip
    truth = forms.ChoiceField(
        label="The right verdict",
        choices=[(Verdict.VIOLATING.value, "violating"), (Verdict.BENIGN.value, "benign")],
        widget=forms.RadioSelect,
    )
    why = forms.CharField(label="How it is known", max_length=500, error_messages={"required": WHY})

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""

    def clean_upload(self) -> Upload:
        number = self.cleaned_data["upload"]
        upload = Upload.objects.filter(pk=number).first()
        if upload is None:
            raise forms.ValidationError(f"There is no upload {number}.")
        return upload

    def mark(self, *, policy: Policy, by: User) -> GoldItem:
        content = self.cleaned_data
        return gold.mark(
            content["upload"], truth=Verdict(content["truth"]), why=content["why"], by=by, policy=policy.slug
        )


class RetireForm(forms.Form):
    why = forms.CharField(max_length=500, error_messages={"required": WHY})


class RateForm(forms.Form):
    """In per cent of the tasks that people claim."""

    rate = PercentField(label="Gold items, % of what people claim", example="2", most=gold.MOST_RATE * 100)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""

    @property
    def as_share(self) -> float:
        percent: Decimal = self.cleaned_data["rate"]
        return float(percent / 100)
