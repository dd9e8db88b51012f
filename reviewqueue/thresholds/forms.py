"""Thresholds, audit rates and capacity as people type them; each message stands at its field."""

from decimal import Decimal
from typing import Any

from django import forms

from moderation.models import PolicyVersion
from moderation.models.threshold_grid import GRID_STEPS

SMALLEST_STEP = Decimal(1) / GRID_STEPS
NOT_A_NUMBER = "That is not a number. Write one with a point, such as {example}."


class NumberField(forms.DecimalField):
    """A decimal number whose messages say what is accepted."""

    def __init__(self, *, example: str, upper: int, **options: Any) -> None:
        wrong = NOT_A_NUMBER.format(example=example)
        range_ = f"Write a number from 0 to {upper}, such as {example}."
        messages = {"invalid": wrong, "required": range_, "min_value": range_, "max_value": range_}
        super().__init__(min_value=0, max_value=upper, error_messages=messages, **options)

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        return {**super().widget_attrs(widget), "inputmode": "decimal", "autocomplete": "off"}


class ThresholdField(NumberField):
    def __init__(self, **options: Any) -> None:
        super().__init__(upper=1, step_size=None, **options)
        self.widget.attrs["step"] = str(SMALLEST_STEP)

    def clean(self, value: Any) -> Decimal | None:
        number: Decimal | None = super().clean(value)
        if number is not None and number * GRID_STEPS % 1:
            below = number // SMALLEST_STEP * SMALLEST_STEP
            raise forms.ValidationError(
                f"{number} lies between two steps. Write {below:.2f} or {below + SMALLEST_STEP:.2f}.", code="off_grid"
            )
        return number


class PercentField(NumberField):
    def __init__(self, *, most: float = 100, **options: Any) -> None:
        super().__init__(upper=int(most), step_size=None, **options)
        self.widget.attrs["step"] = "0.1"


class ThresholdsForm(forms.Form):
    """What a proposal may change. ``why`` is required only of what is published."""

    low = ThresholdField(label="Low", example="0.20", help_text="Approve below it.")
    high = ThresholdField(label="High", example="0.80", help_text="Reject from it.")
    audit_rate_approve = PercentField(label="Audit of approved, %", example="2")
    audit_rate_reject = PercentField(label="Audit of rejected, %", example="10")
    capacity = forms.IntegerField(
        label="Reviews a day at most",
        required=False,
        min_value=0,
        max_value=1_000_000,
        help_text="Empty: no limit.",
        error_messages={
            "invalid": "Write a whole number of reviews, such as 600, or leave it empty.",
            "min_value": "Write a whole number of reviews, such as 600, or leave it empty.",
            "max_value": "Write at most 1000000 reviews, or leave it empty for no limit.",
        },
    )
    miss_share = PercentField(
        label="Violations that one moderator misses, %",
        example="15",
        most=99,
        required=False,
        help_text="Empty or 0: not declared.",
    )
    why = forms.CharField(
        label="Why",
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Stands in the history. Needed to publish.",
    )
    policy = forms.SlugField(widget=forms.HiddenInput, required=False)
    seen = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, publishing: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if publishing:
            self.fields["why"].required = True
            self.fields["why"].error_messages["required"] = "Say why, in a sentence. Whoever asks later reads it here."

    @classmethod
    def showing(cls, version: PolicyVersion, *, seen: PolicyVersion) -> "ThresholdsForm":
        """A form with the numbers of ``version``, for a person who sees ``seen`` in force."""
        return cls(
            initial={
                "low": f"{version.low:.2f}",
                "high": f"{version.high:.2f}",
                "audit_rate_approve": f"{version.audit_rate_approve * 100:g}",
                "audit_rate_reject": f"{version.audit_rate_reject * 100:g}",
                "capacity": version.capacity,
                "miss_share": f"{version.miss_share * 100:g}" if version.miss_share else "",
                "why": version.why if version.state == version.State.DRAFT else "",
                "policy": version.policy.slug,
                "seen": seen.pk,
            }
        )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        low, high = cleaned.get("low"), cleaned.get("high")
        if low is not None and high is not None and low > high:
            self.add_error(
                "high", f"High {high:.2f} lies below low {low:.2f}. Write {low:.2f} or more here, or a smaller low."
            )
        return cleaned

    @property
    def changes(self) -> dict[str, Any]:
        """The fields of a policy version; rates as probabilities."""
        data = self.cleaned_data
        # A link with thresholds alone leaves what is declared as it is.
        declared = {"miss_share": float((data["miss_share"] or 0) / 100)} if "miss_share" in self.data else {}
        return {
            **declared,
            "low": float(data["low"]),
            "high": float(data["high"]),
            "audit_rate_approve": float(data["audit_rate_approve"] / 100),
            "audit_rate_reject": float(data["audit_rate_reject"] / 100),
            "capacity": data["capacity"],
        }


class ReasonForm(forms.Form):
    """Why an old version comes back, and what the person saw in force."""

    why = forms.CharField(
        label="Why",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Stands in the history.",
        error_messages={"required": "Say why, in a sentence. Whoever asks later reads it here."},
    )
    seen = forms.IntegerField(widget=forms.HiddenInput)
