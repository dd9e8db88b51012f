"""A proposal: thresholds, audit rates and capacity as people type them. Each message stands at its field."""

from typing import Any

from django import forms

from moderation.formatting import threshold
from moderation.models import PolicyVersion
from moderation.tuning import draft_mark
from reviewqueue.threshold_fields import WHY_MISSING, PercentField, ReasonForm, high_field, low_field

NOT_A_CAPACITY = "Write a whole number of reviews, such as 600. Leave it empty for no limit."


class ConfirmedForm(forms.Form):
    """A form whose change may need a typed confirmation. The field shows once it was asked for."""

    confirmation = forms.CharField(label="Confirm this change", required=False, max_length=60, widget=forms.HiddenInput)

    def ask_for_confirmation(self, request: str) -> None:
        """Show the field for the phrase, with the ``request`` as its error."""
        self.fields["confirmation"].widget = forms.TextInput(attrs={"autocomplete": "off"})
        self.add_error("confirmation", request)

    def see_again(self, **seen: Any) -> None:
        """Render what is in force now as seen, and ask for a confirmation anew."""
        self.data = {**dict(self.data.items()), **seen, "confirmation": ""}


class RollBackForm(ConfirmedForm, ReasonForm):
    """Why an old version comes back."""


class ThresholdsForm(ConfirmedForm):
    """The numbers that a proposal may change. ``why`` is required only for publishing."""

    low = low_field()
    high = high_field()
    audit_rate_approve = PercentField(label="Audit of approved, %", example="2")
    audit_rate_reject = PercentField(label="Audit of rejected, %", example="10")
    capacity = forms.IntegerField(
        label="Reviews a day at most",
        required=False,
        min_value=0,
        max_value=1_000_000,
        help_text="Leave it empty for no limit.",
        error_messages={
            "invalid": NOT_A_CAPACITY,
            "min_value": NOT_A_CAPACITY,
            "max_value": "Write at most 1,000,000 reviews. Leave it empty for no limit.",
        },
    )
    miss_share = PercentField(
        label="Violations that one moderator misses, %",
        example="15",
        most=99,
        required=False,
        help_text="Leave it empty to declare none.",
    )
    why = forms.CharField(
        label="Why",
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="The history shows it. Publishing requires it.",
    )
    policy = forms.SlugField(widget=forms.HiddenInput, required=False)
    seen = forms.IntegerField(widget=forms.HiddenInput, required=False)
    seen_draft = forms.CharField(widget=forms.HiddenInput, required=False, max_length=80)

    def __init__(self, *args: Any, publishing: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if publishing:
            self.fields["why"].required = True
            self.fields["why"].error_messages["required"] = WHY_MISSING

    @classmethod
    def showing(cls, version: PolicyVersion, *, seen: PolicyVersion, draft: PolicyVersion | None) -> "ThresholdsForm":
        """Return a form with the numbers of ``version``, for a person who sees ``seen`` in force and ``draft``."""
        return cls(
            initial={
                "low": threshold(version.low),
                "high": threshold(version.high),
                "audit_rate_approve": f"{version.audit_rate_approve * 100:g}",
                "audit_rate_reject": f"{version.audit_rate_reject * 100:g}",
                "capacity": version.capacity,
                "miss_share": f"{version.miss_share * 100:g}" if version.miss_share else "",
                "why": version.why if version.state == version.State.DRAFT else "",
                "policy": version.policy.slug,
                "seen": seen.pk,
                "seen_draft": draft_mark(draft),
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
    def numbers(self) -> list[forms.BoundField]:
        """The fields that a preview compares."""
        return [field for field in self.visible_fields() if field.name not in {"why", "confirmation"}]

    @property
    def reason_and_seen_draft(self) -> dict[str, str]:
        return {name: self.cleaned_data[name] for name in ("why", "seen_draft")}

    @property
    def what_was_seen(self) -> dict[str, Any]:
        """The arguments of publishing besides the numbers: why, and what the person had seen and confirmed."""
        return {
            **self.reason_and_seen_draft,
            "seen": self.cleaned_data["seen"],
            "confirmed": self.cleaned_data["confirmation"],
        }

    @property
    def changes(self) -> dict[str, Any]:
        """The fields of a policy version; rates as probabilities."""
        data = self.cleaned_data
        # A link with thresholds alone keeps the declared share.
        declared = {"miss_share": float((data["miss_share"] or 0) / 100)} if "miss_share" in self.data else {}
        return {
            **declared,
            "low": float(data["low"]),
            "high": float(data["high"]),
            "audit_rate_approve": float(data["audit_rate_approve"] / 100),
            "audit_rate_reject": float(data["audit_rate_reject"] / 100),
            "capacity": data["capacity"],
        }
