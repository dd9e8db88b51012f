"""Filters of the list of uploads, and the files that somebody sends in."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from moderation.models import Upload
from moderation.models.uploads import UploadQuerySet
from moderation.routing import Route
from reviewqueue.visibility import with_route, with_status

ALL = ("", "all")
ROUTES = [(route.value, route.value) for route in Route]


class UploadFilter(forms.Form):
    """Each field narrows the list; what can't be understood is said and leaves the list as it is."""

    q = forms.CharField(label="External id contains", required=False, max_length=1000, strip=True)
    status = forms.ChoiceField(label="Status", required=False, choices=[ALL, *Upload.Status.choices])
    route = forms.ChoiceField(label="Route", required=False, choices=[ALL, *ROUTES])
    source = forms.ChoiceField(label="Source", required=False)
    before = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        sources = Upload.objects.order_by("source").values_list("source", flat=True).distinct()
        source = self.fields["source"]
        assert isinstance(source, forms.ChoiceField)
        source.choices = [ALL, *((name, name) for name in sources)]

    def narrow(self, uploads: UploadQuerySet) -> UploadQuerySet:
        wanted = self.cleaned_data
        if wanted.get("q"):
            uploads = uploads.filter(external_id__icontains=wanted["q"])
        if wanted.get("source"):
            uploads = uploads.filter(source=wanted["source"])
        if wanted.get("status"):
            uploads = with_status(uploads, wanted["status"])
        if wanted.get("route"):
            uploads = with_route(uploads, wanted["route"])
        return uploads.filter(pk__lt=wanted["before"]) if wanted.get("before") else uploads

    @property
    def is_narrow(self) -> bool:
        return any(self.cleaned_data.get(name) for name in ("q", "status", "route", "source"))


class SeveralFilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class SeveralFilesField(forms.FileField):
    """Cleans to a list of files; an empty one is kept, so that its outcome can be told with the others'."""

    widget = SeveralFilesInput

    def clean(self, data: Any, initial: Any = None) -> list["UploadedFile[Any]"]:
        found = [file for file in data or [] if file]
        if not found:
            super().clean(None, initial)
        most = settings.DATA_UPLOAD_MAX_NUMBER_FILES or len(found)
        if len(found) > most:
            raise forms.ValidationError(
                f"{len(found)} files at once; at most {most} are accepted. Send the rest later."
            )
        return found


class SendForm(forms.Form):
    images = SeveralFilesField(
        label="Images",
        allow_empty_file=True,
        error_messages={"required": "Choose at least one file, or drop some here."},
    )
