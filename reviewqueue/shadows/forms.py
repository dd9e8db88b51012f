"""The forms of shadow mode: candidate thresholds, which changed routes to show, starting and activating."""

from typing import Any

from django import forms

from moderation.formatting import threshold
from moderation.models import Classifier, Policy
from moderation.routing import Route
from reviewqueue.threshold_fields import ReasonForm, high_field, low_field

WAYS = [(f"{one}-{other}", f"{one} to {other}") for one in Route for other in Route if one != other]


class CandidateForm(forms.Form):
    """Thresholds to compare at, or none. ``way`` and ``page`` choose the changed routes that are listed."""

    low = low_field(required=False)
    high = high_field(required=False)
    way = forms.ChoiceField(choices=[("", "every way"), *WAYS], required=False, widget=forms.HiddenInput)
    page = forms.IntegerField(min_value=1, max_value=10_000, required=False, widget=forms.HiddenInput)
    revealed = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        low, high = cleaned.get("low"), cleaned.get("high")
        if (low is None) != (high is None) and not self.errors:
            self.add_error(
                "high" if high is None else "low",
                "Give both thresholds, or neither. Without them, the page compares at equal shares.",
            )
        elif low is not None and high is not None and low > high:
            one, other = threshold(float(low)), threshold(float(high))
            self.add_error("high", f"High {other} lies below low {one}. Write {one} or more here.")
        return cleaned

    @property
    def pair(self) -> dict[str, float | None]:
        """Low and high; both None where the person gave none, or where they are wrong."""
        if self.errors:
            return {"low": None, "high": None}
        return {
            name: None if (value := self.cleaned_data.get(name)) is None else float(value) for name in ("low", "high")
        }

    @property
    def chosen_way(self) -> tuple[Route, Route] | None:
        """The old and the new route of the changes to list; None for all of them."""
        way = self.cleaned_data.get("way")
        if not way:
            return None
        one, other = way.split("-")
        return Route(one), Route(other)

    @property
    def place(self) -> dict[str, str]:
        """The query of a link to the same list."""
        names = ("low", "high", "way", "page")
        return {name: str(self.cleaned_data[name]) for name in names if self.cleaned_data.get(name) not in {None, ""}}


class ActivateForm(ReasonForm):
    """The thresholds with which the classifier becomes the active one, and why."""

    low = low_field()
    high = high_field()
    field_order = ("low", "high", "why", "seen")


class StartForm(forms.Form):
    """A registered classifier, and the policy for which it runs in shadow mode."""

    classifier = forms.ModelChoiceField(
        queryset=Classifier.objects.none(), to_field_name="name", empty_label="Choose one"
    )
    policy = forms.ModelChoiceField(queryset=Policy.objects.none(), to_field_name="slug", empty_label=None)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        named = {field: self.fields[field] for field in ("classifier", "policy")}
        named["classifier"].queryset = Classifier.objects.active().order_by("name")  # type: ignore[attr-defined]
        named["classifier"].label_from_instance = lambda row: row.name  # type: ignore[attr-defined]
        named["policy"].queryset = Policy.objects.in_force()  # type: ignore[attr-defined]
