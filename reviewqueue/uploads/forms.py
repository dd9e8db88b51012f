"""The filters of the list of uploads."""

from typing import Any

from django import forms

from moderation.models import Upload
from moderation.models.uploads import UploadQuerySet, upload_sources
from moderation.routing import Route
from reviewqueue.visibility import with_route, with_status

ALL = ("", "all")
ROUTES = [(route.value, route.value) for route in Route]
# Nothing erases an upload yet, so nobody looks for erased ones.
STATUSES = [choice for choice in Upload.Status.choices if choice[0] != Upload.Status.ERASED]


class UploadFilter(forms.Form):
    """Each field narrows the list. A value that is not accepted gets an error and narrows nothing."""

    q = forms.CharField(label="External id contains", required=False, max_length=1000, strip=True)
    status = forms.ChoiceField(label="Status", required=False, choices=[ALL, *STATUSES])
    route = forms.ChoiceField(label="Route", required=False, choices=[ALL, *ROUTES])
    source = forms.ChoiceField(label="Source", required=False)
    before = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        source = self.fields["source"]
        assert isinstance(source, forms.ChoiceField)
        source.choices = [ALL, *((name, name) for name in upload_sources())]

    def narrow(self, uploads: UploadQuerySet) -> UploadQuerySet:
        """Apply the filters to ``uploads``, which come from as_seen_by()."""
        wanted = self.cleaned_data
        if wanted.get("q"):
            uploads = uploads.filter(external_id__icontains=wanted["q"])
        if wanted.get("source"):
            uploads = uploads.filter(source=wanted["source"])
        if wanted.get("status"):
            uploads = with_status(uploads, wanted["status"])
        if wanted.get("route"):
            uploads = with_route(uploads, wanted["route"])
        return uploads

    @property
    def is_narrow(self) -> bool:
        return any(self.cleaned_data.get(name) for name in ("q", "status", "route", "source"))
