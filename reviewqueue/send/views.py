"""The upload page: it takes a few files from the browser, for trying the system out."""

import logging
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from moderation import intake
from moderation.decoding.images import ALLOWED_FORMATS
from moderation.decoding.process import SandboxUnavailable
from moderation.intake.refusals import check_size
from moderation.models import Upload, User
from moderation.request_limits import takes_bodies, usual_limit
from moderation.storage import StorageFull
from moderation.tasks import request_prescreen
from reviewqueue.permissions import ReviewerRequest, can_send_uploads
from reviewqueue.schedule import next_prescreen
from reviewqueue.send.forms import SendForm, too_many_files

SOURCE = "upload page"
# How many of the largest images fit into one form.
LARGEST_AT_ONCE = 10
NOT_STORED = (
    "The server cannot store or check images at the moment. This file was not saved. Send it again later, or tell an "
    "operator: the server's log has the cause."
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class SendOutcome:
    """The outcome for one file: received, received before, or refused with the reason."""

    name: str
    upload: Upload | None = None
    created: bool = False
    refusal: str = ""


def most_bytes(request: HttpRequest) -> int:
    """Return the size limit of a request: room for a few images, but only for people who may send some."""
    if not request.user.has_perm("moderation.send_uploads"):
        return usual_limit(request)
    return most_together() + usual_limit(request)


def most_together() -> int:
    """Return how many bytes the files of one form may have together."""
    return int(settings.UPLOAD_MAX_BYTES) * LARGEST_AT_ONCE


@takes_bodies(most_bytes)
@require_http_methods(["GET", "POST"])
@vary_on_headers("HX-Request")
@can_send_uploads
def send(request: ReviewerRequest) -> HttpResponse:
    """Show the form, or receive its files one by one: a refused file does not stop the others."""
    if request.method == "GET":
        return _render_send_form(request, SendForm())
    form = SendForm(request.POST, request.FILES)
    if not form.is_valid():
        return _render_send_form(request, form, status=422)
    outcomes = [_receive(file, sender=request.user) for file in form.cleaned_data["images"]]
    return _render_send_form(request, SendForm(), outcomes=outcomes)


@vary_on_headers("HX-Request")
@can_send_uploads
def refuse_too_many_files(request: ReviewerRequest) -> HttpResponse:
    """Show the form again: Django stopped to read the request at the first file too many."""
    form = SendForm()
    form.errors["images"] = form.error_class([too_many_files()])
    return _render_send_form(request, form, status=422)


@require_POST
@can_send_uploads
def prescreen_now(request: ReviewerRequest) -> HttpResponseRedirect:
    """Ask the worker for a pre-screen. A second request while one is waiting changes nothing."""
    if request_prescreen():
        messages.success(
            request, "A pre-screen was requested. The worker starts it within seconds. Reload this page to see results."
        )
    else:
        messages.info(
            request,
            "A pre-screen is waiting for the worker already, so no other one was requested. "
            "Check that 'manage.py worker' runs.",
        )
    return HttpResponseRedirect(reverse("uploads"), status=303)


def _receive(file: "UploadedFile[Any]", *, sender: User) -> SendOutcome:
    """Receive one file and return its outcome."""
    name = file.name or ""
    try:
        check_size(file.size or 0)
        received = intake.receive(file.read(), source=SOURCE, external_id=name, received_by=sender)
    except intake.UploadRefused as refusal:
        return SendOutcome(name=name, refusal=str(refusal))
    except (StorageFull, SandboxUnavailable) as failure:
        logger.error("%s was not received: %s", name, failure)
        return SendOutcome(name=name, refusal=NOT_STORED)
    return SendOutcome(name=name, upload=received.upload, created=received.created)


def _render_send_form(
    request: ReviewerRequest, form: SendForm, *, outcomes: list[SendOutcome] | None = None, status: int = 200
) -> HttpResponse:
    """Render the page, or for htmx only the form with its outcomes."""
    context = {
        "form": form,
        "outcomes": outcomes or [],
        "received": sum(outcome.created for outcome in outcomes or []),
        "next_prescreen": next_prescreen(),
        "limits": {
            "files": settings.DATA_UPLOAD_MAX_NUMBER_FILES,
            "bytes": settings.UPLOAD_MAX_BYTES,
            "together": most_together(),
            "pixels": settings.UPLOAD_MAX_PIXELS,
            "formats": f"{', '.join(ALLOWED_FORMATS[:-1])} and {ALLOWED_FORMATS[-1]}",
        },
    }
    template = "_send_form.html" if request.htmx else "send.html"
    return render(request, f"reviewqueue/send/{template}", context, status=status)
