"""The files that a person sends in."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile


def too_many_files() -> str:
    """Return the message to somebody who sends more files than Django reads from one request."""
    most = settings.DATA_UPLOAD_MAX_NUMBER_FILES
    return (
        f"Found more than {most} files; at most {most} are accepted at once. Nothing was saved. Choose fewer, and "
        "send the others afterwards."
    )


class SeveralFilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class SeveralFilesField(forms.FileField):
    """Cleans to a list of files. It keeps an empty file, whose outcome is shown with the others."""

    widget = SeveralFilesInput

    def clean(self, data: Any, initial: Any = None) -> list["UploadedFile[Any]"]:
        files = [file for file in data or [] if file]
        if not files:
            super().clean(None, initial)
        return files


class SendForm(forms.Form):
    """Some images from the browser."""

    images = SeveralFilesField(
        label="Images",
        allow_empty_file=True,
        error_messages={"required": "Choose at least one file, or drop some here."},
    )
