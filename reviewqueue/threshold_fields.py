"""Form fields for thresholds and rates as people type them, and the reason for a change."""

from decimal import Decimal
from typing import Any

from django import forms

from moderation.formatting import threshold
from moderation.models.threshold_grid import GRID_STEPS

SMALLEST_STEP = Decimal(1) / GRID_STEPS
NOT_A_NUMBER = "This is not a number. Write one with a point, such as {example}."
WHY_MISSING = "Say why, in a sentence. The history keeps it for everyone who asks later."


class NumberField(forms.DecimalField):
    """A decimal number. Its messages state the accepted range."""

    def __init__(self, *, example: str, upper: int, **options: Any) -> None:
        wrong = NOT_A_NUMBER.format(example=example)
        range_ = f"Write a number from 0 to {upper}, such as {example}."
        messages = {"invalid": wrong, "required": range_, "min_value": range_, "max_value": range_}
        super().__init__(min_value=0, max_value=upper, error_messages=messages, **options)

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        return {**super().widget_attrs(widget), "inputmode": "decimal", "autocomplete": "off"}


class ThresholdField(NumberField):
    """A score threshold: from 0 to 1, on the grid."""

    def __init__(self, **options: Any) -> None:
        super().__init__(upper=1, step_size=None, **options)
        self.widget.attrs["step"] = str(SMALLEST_STEP)

    def clean(self, value: Any) -> Decimal | None:
        number: Decimal | None = super().clean(value)
        if number is not None and number * GRID_STEPS % 1:
            below = number // SMALLEST_STEP * SMALLEST_STEP
            raise forms.ValidationError(
                f"{number} lies between two steps. "
                f"Write {threshold(float(below))} or {threshold(float(below + SMALLEST_STEP))}.",
                code="off_grid",
            )
        return number


class PercentField(NumberField):
    """A share in per cent, from 0 to ``most``."""

    def __init__(self, *, most: float = 100, **options: Any) -> None:
        super().__init__(upper=int(most), step_size=None, **options)
        self.widget.attrs["step"] = "0.1"


def low_field(*, required: bool = True) -> ThresholdField:
    return ThresholdField(label="Low", example="0.20", required=required, help_text="Scores below it are approved.")


def high_field(*, required: bool = True) -> ThresholdField:
    return ThresholdField(label="High", example="0.80", required=required, help_text="Scores from it on are rejected.")


class ReasonForm(forms.Form):
    """Why another version takes over. ``seen`` is the version that was in force when the page was opened."""

    why = forms.CharField(
        label="Why",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="The history shows it.",
        error_messages={"required": WHY_MISSING},
    )
    seen = forms.IntegerField(widget=forms.HiddenInput)
