"""Forms that make, fill and switch hash lists, and review their entries."""

from typing import Any

from django import forms
from django.conf import settings
from django.utils.text import capfirst

from moderation.decoding.fingerprints import RADIUS
from moderation.formatting import thousands
from moderation.hashlists import importing
from moderation.hashlists.entry_reviews import confirm, contest
from moderation.models import EntryReview, HashEntry, HashList, HashMatch, Policy, User
from moderation.models.hash_lists import TOO_WIDE

WHY_MISSING = "Say why, in a sentence. The list keeps it."
# An import of this size ends while the page waits.
MOST_BYTES = 1_000_000


class PageForm(forms.Form):
    """One of several forms on a page. Its name is part of the ids of its fields."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.auto_id = f"{type(self).__name__.removesuffix('Form').lower()}-%s"
        self.label_suffix = ""


class WhyField(forms.CharField):
    """The reason for a change, in one line."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            label="Why", max_length=500, error_messages={"required": WHY_MISSING},
            widget=forms.TextInput(attrs={"autocomplete": "off"}), **options,
        )  # fmt: skip


class NewListForm(PageForm):
    """A new hash list."""

    name = forms.CharField(max_length=100, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    policy = forms.ModelChoiceField(Policy.objects.none(), empty_label=None)
    kind = forms.ChoiceField(
        choices=[("known_bad", "known-bad: rejects its matches"), ("known_good", "known-good: approves its matches")],
    )
    source = forms.CharField(label="Source of its hashes", max_length=500, required=False)
    radius = forms.IntegerField(
        label="Radius, in bits of 256",
        min_value=0,
        max_value=RADIUS,
        initial=RADIUS,
        help_text="How many bits of an image's PDQ hash may differ from an entry's.",
        error_messages={"max_value": capfirst(TOO_WIDE)},
    )
    why = WhyField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["policy"].queryset = Policy.objects.in_force()  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        content = super().clean() or {}
        same = HashList.objects.filter(policy=content.get("policy"), name=content.get("name"))
        if same.exists():
            self.add_error("name", "The policy has a list of this name already. Choose another name.")
        return content

    def create_list(self, *, by: User) -> HashList:
        return HashList.objects.create(done="created", by=by, **self.cleaned_data)


class ImportForm(PageForm):
    """A file of entries. ``format`` is needed where the file's name does not tell it."""

    file = forms.FileField(
        help_text="Up to 1 MB, about 12,000 hashes. Import larger files with manage.py hashlists import.",
        error_messages={"required": "Choose a file.", "empty": "The file is empty. Choose another one."},
    )
    format = forms.ChoiceField(
        choices=[("", "as the file's name says"), ("csv", "CSV"), ("threatexchange", "ThreatExchange, HMA (JSON)")],
        required=False,
    )
    algorithm = forms.ChoiceField(
        choices=[("", "as the file says"), *HashEntry.Algorithm.choices],
        required=False,
        help_text="Needed for a file that does not name the algorithm of its hashes.",
    )
    why = WhyField()

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            raise forms.ValidationError(
                f"The file has {thousands(file.size)} bytes; {thousands(MOST_BYTES)} are accepted here. Nothing was "
                "imported. Use manage.py hashlists import, which accepts files of any size."
            )
        return file

    def import_file(self, hash_list: HashList, *, by: User) -> importing.Imported:
        """Import the file into ``hash_list``.

        Raises:
            ListNotAccepted: a row is wrong. Nothing is imported.
        """
        file = self.cleaned_data["file"]
        chosen = self.cleaned_data["format"] or importing.format_of(file.name)
        algorithm = self.cleaned_data["algorithm"]
        reader = importing.read(file.file, format=chosen, kind=hash_list.kind, algorithm=algorithm)
        return importing.import_rows(hash_list, reader, by=by, why=self.cleaned_data["why"])


class SwitchForm(PageForm):
    """Enables or disables a list or an entry, or sets the time from which it is off."""

    OUTCOMES = {
        "enable": "is enabled and routes again",
        "disable": "is disabled and routes nothing now",
        "expire": "has a new time of expiry",
    }

    action = forms.ChoiceField(choices=list(OUTCOMES.items()))
    expires_at = forms.DateTimeField(
        label="Expires",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text=f"A time in {settings.TIME_ZONE}. Leave it empty for never.",
        error_messages={"invalid": "Write a date and time such as 2027-01-31T18:00. Leave it empty for never."},
    )
    why = WhyField()

    def switch(self, switched: HashList | HashEntry, *, by: User) -> str:
        """Change ``switched``, and return the outcome in words."""
        action, why = self.cleaned_data["action"], self.cleaned_data["why"]
        if action == "expire":
            switched.expire(self.cleaned_data["expires_at"], by=by, why=why)
        elif action == "enable":
            switched.enable(by=by, why=why)
        else:
            switched.disable(by=by, why=why)
        return self.OUTCOMES[action]


class EntryReviewForm(PageForm):
    """Confirms or contests an entry, because of a match or of the entry itself."""

    state = forms.ChoiceField(choices=[("confirmed", "Confirm"), ("contested", "Contest")])
    why = forms.CharField(max_length=500, required=False)

    def clean(self) -> dict[str, Any]:
        content = super().clean() or {}
        if content.get("state") == HashEntry.ReviewState.CONTESTED and not content.get("why"):
            self.add_error("why", "Say why you contest it. The entry keeps it.")
        return content

    def save_review(self, entry: HashEntry, *, by: User, match: HashMatch | None = None) -> EntryReview:
        """Record the review.

        Raises:
            EntryReviewRefused: somebody contested the entry already, or the person imported it. Nothing is written.
        """
        review = contest if self.cleaned_data["state"] == HashEntry.ReviewState.CONTESTED else confirm
        return review(entry, by=by, why=self.cleaned_data["why"], match=match)


class SearchForm(PageForm):
    """Finds entries by the first digits of their hash."""

    q = forms.RegexField(
        r"^[0-9a-fA-F]{1,64}$",
        label="Hash begins with",
        required=False,
        max_length=64,
        error_messages={
            "invalid": "Write up to 64 hexadecimal digits.",
            "max_length": "A hash has at most 64 digits. Write no more.",
        },
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    @property
    def begins(self) -> str:
        return str(self.cleaned_data.get("q") or "").lower()
