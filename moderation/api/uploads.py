"""Uploads come in and are asked about."""

import hashlib
import json
from typing import Annotated, Any

import pghistory
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from ninja import File, Form, Header, Query, Router, Schema, Status, UploadedFile
from ninja.decorators import decorate_view
from ninja.errors import HttpError
from pydantic import AfterValidator, Field

from moderation import intake
from moderation.api.answers import Problem, Receipt, UploadState, state_of
from moderation.api.idempotency import StoredAnswer, answer_once
from moderation.api.problems import STATUS_CODES, length_fits
from moderation.api.tokens import TokenRequest
from moderation.models import Community, Upload
from moderation.models.effects import status_in_force

router = Router(tags=["uploads"])

#: The other fields of the form and the lines between them.
FORM_BYTES = 65_536
ABOUT_KEYS = "At most 255 characters. The same key with the same body gets the same answer again."


RECEIPT = {201: Receipt, 200: Receipt, **dict.fromkeys((400, 401, 409, 411, 413, 415, 422, 503), Problem)}
STATE = {200: UploadState, **dict.fromkeys((401, 404, 422), Problem)}


def without_nul(value: str) -> str:
    if "\0" in value:
        raise ValueError("a NUL character is not accepted")
    return value


#: PostgreSQL can't even look for a NUL character.
Text = Annotated[str, AfterValidator(without_nul)]


class UploadFields(Schema):
    external_id: Text = Field(description="Your name for the image; with the token's source it is its identity.")
    uploader: Text = Field("", description="Your reference to the person who uploaded it.")
    community: Text = Field("", description="The slug of a community with thresholds of its own.")


def body_limit() -> int:
    return int(settings.UPLOAD_MAX_BYTES) + FORM_BYTES


@router.post("", response=RECEIPT, summary="Send an image in")
@decorate_view(length_fits(body_limit))
def send(
    request: TokenRequest,
    response: HttpResponse,
    file: Annotated[UploadedFile, File(description="JPEG, PNG, WebP, GIF, AVIF, BMP, TIFF or MPO.")],
    fields: Annotated[UploadFields, Form()],
    idempotency_key: Annotated[Text, Header("", alias="Idempotency-Key", description=ABOUT_KEYS)],
) -> Status[Any]:
    """201: it is new and waits for the pre-screen. 200: the same bytes came under this identity before."""
    content = file.read()

    def take() -> StoredAnswer:
        return take_in(request, content, fields=fields)

    if idempotency_key:
        body = fingerprint(content, fields=fields)
        answer = answer_once(idempotency_key, token=request.auth, body_sha256=body, answer=take)
    else:
        answer = take()
    response["Cache-Control"] = "no-store"
    if "url" in answer.content:
        response["Location"] = answer.content["url"]
    if answer.replayed:
        response["Idempotent-Replayed"] = "true"
    return Status(answer.status_code, answer.content)


@router.get("/{upload_id}", response=STATE, summary="Ask what became of an upload")
def show(request: TokenRequest, response: HttpResponse, upload_id: int) -> dict[str, Any]:
    """What became of an upload, as far as it is in force."""
    return told(request, response, f"upload {upload_id}", pk=upload_id)


@router.get("", response=STATE, summary="Ask by your own name for the image")
def find(request: TokenRequest, response: HttpResponse, external_id: Annotated[Text, Query()]) -> dict[str, Any]:
    """The state of the upload that has this external id in the token's source."""
    return told(request, response, f"upload with the external_id {external_id!r}", external_id=external_id)


def told(request: TokenRequest, response: HttpResponse, asked_for: str, **identity: Any) -> dict[str, Any]:
    """The state of one upload of the token's own source; those of others are not there."""
    response["Cache-Control"] = "no-store"
    of_source = Upload.objects.filter(source=request.auth.source).select_related("community")
    upload = of_source.filter(**identity).first()
    if upload is None:
        raise HttpError(404, f"Found no {asked_for} of source {request.auth.source!r}.")
    return state_of(upload)


def fingerprint(content: bytes, *, fields: UploadFields) -> str:
    """Tells bodies apart by what they say; the form's boundary, new each time, says nothing."""
    facts = [hashlib.sha256(content).hexdigest(), fields.external_id, fields.uploader, fields.community]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def take_in(request: TokenRequest, content: bytes, *, fields: UploadFields) -> StoredAnswer:
    try:
        with pghistory.context(api_token=request.auth.name):
            received = intake.receive(
                content,
                source=request.auth.source,
                external_id=fields.external_id,
                uploader_reference=fields.uploader,
                community=community_named(fields.community),
            )
    except intake.UploadRefused as refusal:
        return StoredAnswer(STATUS_CODES[type(refusal)], {"detail": str(refusal)})
    return StoredAnswer(201 if received.created else 200, receipt(request, received.upload))


def community_named(slug: str) -> Community | None:
    community = Community.objects.filter(slug=slug).first()
    if slug and community is None:
        raise intake.FieldNotAllowed(
            f"Found the community {slug!r}; the slug of an existing one, or none, is accepted. Ask an admin to add it."
        )
    return community


def receipt(request: HttpRequest, upload: Upload) -> dict[str, Any]:
    url = request.build_absolute_uri(reverse("api-1:show", args=[upload.pk]))
    return {"id": upload.pk, "status": status_in_force(upload), "url": url}
