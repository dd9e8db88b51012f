"""The shadow pages' forms: which thresholds to compare at, which flips to show, what to start and activate."""

from typing import Any

from django import forms

from moderation.models import Classifier, Policy
from moderation.routing import Route
from reviewqueue.thresholds.forms import ReasonForm, ThresholdField

WAYS = [(f"{one}-{other}", f"{one} to {other}") for one in Route for other in Route if one != other]


class CandidateForm(forms.Form):
    """Thresholds to compare at, or none; and of the flips one way, and which page."""

    low = ThresholdField(label="Low", example="0.20", required=False, help_text="Approve below it.")
    high = ThresholdField(label="High", example="0.80", required=False, help_text="Reject from it.")
    way = forms.ChoiceField(choices=[("", "every way"), *WAYS], required=False, widget=forms.HiddenInput)
    page = forms.IntegerField(min_value=1, max_value=10_000, required=False, widget=forms.HiddenInput)
    revealed = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        low, high = cleaned.get("low"), cleaned.get("high")
        if (low is None) != (high is None) and not self.errors:
            self.add_error(
                "high" if high is None else "low", "Give both, or neither: then the shares in force are kept."
            )
        elif low is not None and high is not None and low > high:
            self.add_error("high", f"High {high:.2f} lies below low {low:.2f}. Write {low:.2f} or more here.")
        return cleaned

    @property
    def pair(self) -> dict[str, float | None]:
        """Low and high, both None where nothing, or nothing usable, was typed."""
        if self.errors:
            return {"low": None, "high": None}
        return {
            name: None if (value := self.cleaned_data.get(name)) is None else float(value) for name in ("low", "high")
        }

    @property
    def chosen_way(self) -> tuple[Route, Route] | None:
        way = self.cleaned_data.get("way")
        if not way:
            return None
        one, other = way.split("-")
        return Route(one), Route(other)

    @property
    def place(self) -> dict[str, str]:
        """What a link to the same flips says."""
        names = ("low", "high", "way", "page")
        return {name: str(self.cleaned_data[name]) for name in names if self.cleaned_data.get(name) not in {None, ""}}


class ActivateForm(ReasonForm):
    """Thresholds of the classifier's own, and why; ``seen`` is the version in force that the person looked at."""

    low = ThresholdField(label="Low", example="0.20", help_text="Approve below it.")
    high = ThresholdField(label="High", example="0.80", help_text="Reject from it.")
    field_order = ("low", "high", "why", "seen")


class StartForm(forms.Form):
    """A classifier that is registered, and the policy under which it scores along."""

    classifier = forms.ModelChoiceField(queryset=Classifier.objects.none(), to_field_name="name")
    policy = forms.ModelChoiceField(queryset=Policy.objects.none(), to_field_name="slug", empty_label=None)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        named = {field: self.fields[field] for field in ("classifier", "policy")}
        named["classifier"].queryset = Classifier.objects.active().order_by("name")  # type: ignore[attr-defined]
        named["classifier"].label_from_instance = lambda row: row.name  # type: ignore[attr-defined]
        named["policy"].queryset = Policy.objects.in_force()  # type: ignore[attr-defined]
