"""Reports and appeals: the platform asks for another person's verdict on an upload, with a reason."""

import hashlib
import json
from datetime import datetime
from typing import Annotated, Any, Literal

from django.conf import settings
from django.http import HttpResponse
from ninja import Header, Router, Schema, Status
from ninja.decorators import decorate_view
from ninja.errors import HttpError
from pydantic import Field

from moderation.api.answers import Problem
from moderation.api.idempotency import StoredAnswer, answer_once
from moderation.api.parsing import StrictSchema, Text
from moderation.api.problems import length_fits, status_of
from moderation.api.tokens import TokenRequest
from moderation.api.uploads import ABOUT_KEYS
from moderation.models import Objection, Upload
from moderation.models.decisions import OUTCOMES, Verdict
from moderation.request_limits import ENDLESS
from moderation.review.objections import REFUSALS, object_to

router = Router(tags=["reports and appeals"])


class ObjectionFields(StrictSchema):
    reason: Text = Field(description="Why, in 1 to 2,000 characters. The reviewer does not see it before the verdict.")
    policy: Text = Field(
        "", description="The policy's slug; required if the upload was screened under several policies."
    )


class ObjectionState(Schema):
    id: int
    kind: Literal["report", "appeal"]
    upload: int
    policy: str
    reason: str
    status: Literal["waiting", "answered", "nobody_could_tell"]
    outcome: Literal["approve", "reject"] | None = Field(description="The outcome of the answer, once it is in force.")
    raised_at: datetime
    answered_at: datetime | None


RAISED = {201: ObjectionState, **dict.fromkeys((400, 401, 404, 409, 411, 413, 422, 429, 503), Problem)}
LISTED = {200: list[ObjectionState], **dict.fromkeys((401, 404, 422, 503), Problem)}
Key = Annotated[Text, Header("", alias="Idempotency-Key", description=ABOUT_KEYS)]


def json_limit() -> int:
    return settings.DATA_UPLOAD_MAX_MEMORY_SIZE or ENDLESS


@router.post("/{upload_id}/reports", response=RAISED, summary="Report an upload")
@decorate_view(length_fits(json_limit))
def report(
    request: TokenRequest, response: HttpResponse, upload_id: int, fields: ObjectionFields, idempotency_key: Key
) -> Status[Any]:
    """Report that an upload violates the policy. A person who has not decided on it reviews it."""
    return _raise(request, response, upload_id, fields, kind=Objection.Kind.REPORT, key=idempotency_key)


@router.post("/{upload_id}/appeals", response=RAISED, summary="Appeal a decision")
@decorate_view(length_fits(json_limit))
def appeal(
    request: TokenRequest, response: HttpResponse, upload_id: int, fields: ObjectionFields, idempotency_key: Key
) -> Status[Any]:
    """Appeal a decision for the uploader. Another person reviews the upload; once per upload and policy."""
    return _raise(request, response, upload_id, fields, kind=Objection.Kind.APPEAL, key=idempotency_key)


@router.get("/{upload_id}/objections", response=LISTED, summary="Reports and appeals on an upload")
def objections(request: TokenRequest, response: HttpResponse, upload_id: int) -> list[dict[str, Any]]:
    response["Cache-Control"] = "no-store"
    found = _get_own_upload_or_404(request, upload_id).objections.order_by("pk")
    return [state_of(one) for one in found.with_answer().select_related("screening__policy")]


def _raise(  # noqa: PLR0913  (the parts of one call)
    request: TokenRequest, response: HttpResponse, upload_id: int, fields: ObjectionFields, *, kind: str, key: str
) -> Status[Any]:
    response["Cache-Control"] = "no-store"
    upload = _get_own_upload_or_404(request, upload_id)

    def answer() -> StoredAnswer:
        return _object(request, upload, fields, kind=kind)

    if not key:
        return _respond(response, answer())
    body = hashlib.sha256(json.dumps([kind, upload_id, fields.reason, fields.policy]).encode()).hexdigest()
    return _respond(response, answer_once(key, token=request.auth, body_sha256=body, answer=answer))


def _respond(response: HttpResponse, answer: StoredAnswer) -> Status[Any]:
    if answer.replayed:
        response["Idempotent-Replayed"] = "true"
    return Status(answer.status_code, answer.content)


def _get_own_upload_or_404(request: TokenRequest, upload_id: int) -> Upload:
    upload = Upload.objects.filter(source=request.auth.source, pk=upload_id).first()
    if upload is None:
        raise HttpError(404, f"Found no upload {upload_id} of source {request.auth.source!r}.")
    return upload


def _object(request: TokenRequest, upload: Upload, fields: ObjectionFields, *, kind: str) -> StoredAnswer:
    try:
        made = object_to(upload, kind=kind, text=fields.reason, policy=fields.policy, token=request.auth)
    except REFUSALS as refusal:
        return StoredAnswer(status_of(refusal), {"detail": str(refusal)})
    again = Objection.objects.with_answer().select_related("screening__policy").get(pk=made.pk)
    return StoredAnswer(201, ObjectionState(**state_of(again)).model_dump(mode="json"))


def state_of(objection: Objection) -> dict[str, Any]:
    """Return the objection's state in force. `objection` comes from with_answer()."""
    waits, verdict = objection.waits, objection.verdict  # type: ignore[attr-defined]
    return {
        "id": objection.pk,
        "kind": objection.kind,
        "upload": objection.upload_id,
        "policy": objection.screening.policy.slug,
        "reason": objection.text,
        "status": "waiting" if waits else "answered" if verdict else "nobody_could_tell",
        "outcome": OUTCOMES[Verdict(verdict)] if verdict and not waits else None,
        "raised_at": objection.raised_at,
        "answered_at": None if waits else objection.answered_at,  # type: ignore[attr-defined]
    }
