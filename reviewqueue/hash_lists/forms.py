"""Making, filling and switching hash lists, and what people say of their entries."""

from typing import Any

from django import forms
from django.utils.text import capfirst

from moderation.decoding.fingerprints import RADIUS
from moderation.hashlists import importing
from moderation.models import HashEntry, HashList, HashMatch, HashOpinion, Policy, User
from moderation.models.hash_lists import TOO_WIDE
from moderation.models.hash_opinions import confirm, contest

WHY = "Say why, in a sentence: it is kept with the list."
# What a page can wait for.
MOST_BYTES = 1_000_000


class PlainForm(forms.Form):
    """One of several on a page: the ids of its fields are its own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.auto_id = f"{type(self).__name__.removesuffix('Form').lower()}-%s"
        self.label_suffix = ""


class WhyField(forms.CharField):
    def __init__(self, **options: Any) -> None:
        super().__init__(
            label="Why", max_length=500, error_messages={"required": WHY},
            widget=forms.TextInput(attrs={"autocomplete": "off"}), **options,
        )  # fmt: skip


class NewListForm(PlainForm):
    name = forms.CharField(max_length=100, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    policy = forms.ModelChoiceField(Policy.objects.none(), empty_label=None)
    kind = forms.ChoiceField(
        choices=[("known_bad", "known-bad: rejects"), ("known_good", "known-good: approves")],
    )
    source = forms.CharField(label="Where its hashes come from", max_length=500, required=False)
    radius = forms.IntegerField(
        label="Radius, in bits of 256",
        min_value=0,
        max_value=RADIUS,
        initial=RADIUS,
        help_text="How far a picture's PDQ hash may be from an entry's.",
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
            self.add_error("name", "The policy has a list of this name already. Give another name.")
        return content

    def make(self, *, by: User) -> HashList:
        return HashList.objects.create(done="created", by=by, **self.cleaned_data)


class ImportForm(PlainForm):
    """A file of entries; which format, where its name does not say it."""

    file = forms.FileField(
        help_text="Up to 1 MB, some 12,000 hashes; longer ones with manage.py hashlists import.",
        error_messages={"required": "Choose a file.", "empty": "The file is empty. Choose another one."},
    )
    format = forms.ChoiceField(
        choices=[("", "as its name says"), ("csv", "CSV"), ("threatexchange", "ThreatExchange, HMA (JSON)")],
        required=False,
    )
    why = WhyField()

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            raise forms.ValidationError(
                f"The file has {file.size:,} bytes; {MOST_BYTES:,} are accepted here. Import it with manage.py "
                "hashlists import, which takes files of any length."
            )
        return file

    def take_in(self, hash_list: HashList, *, by: User) -> importing.Imported:
        """Raises NotAccepted: nothing is imported."""
        file = self.cleaned_data["file"]
        chosen = self.cleaned_data["format"] or importing.format_of(file.name)
        rows = importing.read(file.file, format=chosen, kind=hash_list.kind)
        return importing.import_rows(hash_list, rows, by=by, why=self.cleaned_data["why"])


class SwitchForm(PlainForm):
    """Of a list or of one entry: on, off, or from when on off."""

    SAID = {"enable": "routes again", "disable": "routes nothing now", "expire": "has another time of expiry"}

    action = forms.ChoiceField(choices=list(SAID.items()))
    expires_at = forms.DateTimeField(
        label="Expires",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text="Empty: never.",
        error_messages={"invalid": "Write a date and time such as 2027-01-31T18:00, or nothing."},
    )
    why = WhyField()

    def switch(self, switched: HashList | HashEntry, *, by: User) -> str:
        """Do it, and return what became of it."""
        action, why = self.cleaned_data["action"], self.cleaned_data["why"]
        if action == "expire":
            switched.expire(self.cleaned_data["expires_at"], by=by, why=why)
        elif action == "enable":
            switched.enable(by=by, why=why)
        else:
            switched.disable(by=by, why=why)
        return self.SAID[action]


class OpinionForm(PlainForm):
    """A lead's word on an entry, because of a match or of the entry itself."""

    said = forms.ChoiceField(choices=[("confirmed", "Confirm"), ("contested", "Contest")])
    why = forms.CharField(max_length=500, required=False)

    def clean(self) -> dict[str, Any]:
        content = super().clean() or {}
        if content.get("said") == HashEntry.Standing.CONTESTED and not content.get("why"):
            self.add_error("why", "Say why you contest it: it is kept with the entry.")
        return content

    def give(self, entry: HashEntry, *, by: User, match: HashMatch | None = None) -> HashOpinion:
        """Raises OpinionRefused: somebody contested it already."""
        say = contest if self.cleaned_data["said"] == HashEntry.Standing.CONTESTED else confirm
        return say(entry, by=by, why=self.cleaned_data["why"], match=match)


class SearchForm(PlainForm):
    """By how a hash begins."""

    q = forms.RegexField(
        r"^[0-9a-fA-F]{1,64}$",
        label="Hash begins with",
        required=False,
        max_length=64,
        error_messages={"invalid": "Write up to 64 hexadecimal digits.", "max_length": "A hash has 64 digits."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    @property
    def begins(self) -> str:
        return str(self.cleaned_data.get("q") or "").lower()
