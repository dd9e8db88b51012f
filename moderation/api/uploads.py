"""Receive uploads, and answer questions about them."""

import hashlib
import json
from typing import Annotated, Any

import pghistory
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from ninja import File, Form, Header, Query, Router, Status, UploadedFile
from ninja.decorators import decorate_view
from ninja.errors import HttpError
from pydantic import Field

from moderation import intake
from moderation.api.answers import Problem, Receipt, UploadState, state_of
from moderation.api.idempotency import StoredAnswer, answer_once
from moderation.api.parsing import StrictSchema, Text
from moderation.api.problems import length_fits, status_of, takes_form
from moderation.api.tokens import TokenRequest
from moderation.decoding.images import ALLOWED_FORMATS
from moderation.models import Community, Upload
from moderation.models.effects import status_in_force

router = Router(tags=["uploads"])

#: Room for the other fields of the form and the lines between them.
FORM_BYTES = 65_536
ABOUT_KEYS = "At most 255 characters. The same key with the same body gets the same answer again."


RECEIPT = {201: Receipt, 200: Receipt, **dict.fromkeys((400, 401, 409, 411, 413, 415, 422, 503), Problem)}
STATE = {200: UploadState, **dict.fromkeys((401, 404, 422, 503), Problem)}


class UploadFields(StrictSchema):
    external_id: Text = Field(description="Your name for the image; with the token's source it is its identity.")
    uploader: Text = Field("", description="Your reference to the person who uploaded it.")
    community: Text = Field("", description="The slug of a community with thresholds of its own.")


def body_limit() -> int:
    return int(settings.UPLOAD_MAX_BYTES) + FORM_BYTES


@router.post("", response=RECEIPT, summary="Send an image in")
@decorate_view(takes_form, length_fits(body_limit))
def send(
    request: TokenRequest,
    response: HttpResponse,
    file: Annotated[UploadedFile, File(description=f"One of {', '.join(ALLOWED_FORMATS)}, by content.")],
    fields: Annotated[UploadFields, Form()],
    idempotency_key: Annotated[Text, Header("", alias="Idempotency-Key", description=ABOUT_KEYS)],
) -> Status[Any]:
    """Send one image. 201: it is new and pending. 200: the same bytes were received under this identity before."""
    content = file.read()

    def answer() -> StoredAnswer:
        return _receive(request, content, fields=fields)

    if idempotency_key:
        body = _body_digest(content, fields=fields)
        given = answer_once(idempotency_key, token=request.auth, body_sha256=body, answer=answer)
    else:
        given = answer()
    response["Cache-Control"] = "no-store"
    if "url" in given.content:
        response["Location"] = given.content["url"]
    if given.replayed:
        response["Idempotent-Replayed"] = "true"
    return Status(given.status_code, given.content)


@router.get("/{upload_id}", response=STATE, summary="Get an upload's state")
def show(request: TokenRequest, response: HttpResponse, upload_id: int) -> dict[str, Any]:
    """Return the state of an upload, as far as it is in force."""
    return _state_or_404(request, response, f"upload {upload_id}", pk=upload_id)


@router.get("", response=STATE, summary="Get an upload's state by your own name for it")
def find(request: TokenRequest, response: HttpResponse, external_id: Annotated[Text, Query()]) -> dict[str, Any]:
    """Return the state of the upload with this external id in the token's source."""
    return _state_or_404(request, response, f"upload with the external_id {external_id!r}", external_id=external_id)


def _state_or_404(request: TokenRequest, response: HttpResponse, what: str, **identity: Any) -> dict[str, Any]:
    """Return the state of one upload of the token's own source; uploads of other sources are not found."""
    response["Cache-Control"] = "no-store"
    of_source = Upload.objects.filter(source=request.auth.source).select_related("community")
    upload = of_source.filter(**identity).first()
    if upload is None:
        raise HttpError(404, f"Found no {what} of source {request.auth.source!r}.")
    return state_of(upload)


def _body_digest(content: bytes, *, fields: UploadFields) -> str:
    """Return a sha256 of the image and the fields, without the multipart boundary, which is new in each request."""
    parts = [hashlib.sha256(content).hexdigest(), fields.external_id, fields.uploader, fields.community]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _receive(request: TokenRequest, content: bytes, *, fields: UploadFields) -> StoredAnswer:
    try:
        with pghistory.context(api_token=request.auth.name):
            received = intake.receive(
                content,
                source=request.auth.source,
                external_id=fields.external_id,
                uploader_reference=fields.uploader,
                community=_community(fields.community),
            )
    except intake.UploadRefused as refusal:
        return StoredAnswer(status_of(refusal), {"detail": str(refusal)})
    return StoredAnswer(201 if received.created else 200, _receipt(request, received.upload))


def _community(slug: str) -> Community | None:
    community = Community.objects.filter(slug=slug).first()
    if slug and community is None:
        raise intake.FieldNotAllowed(
            f"Found the community {slug!r}; the slug of an existing one, or none, is accepted. Ask an admin to add it."
        )
    return community


def _receipt(request: HttpRequest, upload: Upload) -> dict[str, Any]:
    url = request.build_absolute_uri(reverse("api-1:show", args=[upload.pk]))
    return {"id": upload.pk, "status": status_in_force(upload), "url": url}
