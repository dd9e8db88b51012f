"""Reports and appeals: another person looks at an upload, for a reason that the platform gives."""

import hashlib
import json
from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpResponse
from ninja import Header, Router, Schema, Status
from ninja.errors import HttpError
from pydantic import Field

from moderation.api.answers import Problem
from moderation.api.idempotency import StoredAnswer, answer_once
from moderation.api.problems import STATUS_CODES
from moderation.api.tokens import TokenRequest
from moderation.api.uploads import ABOUT_KEYS, Text
from moderation.models import Objection, Upload
from moderation.models.decisions import OUTCOMES, Verdict
from moderation.review import objecting

router = Router(tags=["reports and appeals"])


class Grounds(Schema):
    reason: Text = Field(description="Why, in 1 to 2,000 characters. Whoever looks does not see it before the verdict.")
    policy: Text = Field("", description="The policy's slug; needed where the upload was screened under several.")


class ObjectionState(Schema):
    id: int
    kind: Literal["report", "appeal"]
    upload: int
    policy: str
    reason: str
    status: Literal["waiting", "answered", "nobody_could_tell"]
    outcome: Literal["approve", "reject"] | None = Field(description="What the answer asks for, once it is in force.")
    raised_at: datetime
    answered_at: datetime | None


RAISED = {201: ObjectionState, **dict.fromkeys((401, 404, 409, 422, 503), Problem)}
LISTED = {200: list[ObjectionState], **dict.fromkeys((401, 404, 422), Problem)}
Key = Annotated[Text, Header("", alias="Idempotency-Key", description=ABOUT_KEYS)]


@router.post("/{upload_id}/reports", response=RAISED, summary="Report an upload")
def report(
    request: TokenRequest, response: HttpResponse, upload_id: int, grounds: Grounds, idempotency_key: Key
) -> Status[Any]:
    """Somebody says that it violates: a person who has not decided on it looks."""
    return raised(request, response, upload_id, grounds, kind=Objection.Kind.REPORT, key=idempotency_key)


@router.post("/{upload_id}/appeals", response=RAISED, summary="Appeal a decision")
def appeal(
    request: TokenRequest, response: HttpResponse, upload_id: int, grounds: Grounds, idempotency_key: Key
) -> Status[Any]:
    """The uploader says that the decision is wrong: a person who did not take it looks. Once per upload and policy."""
    return raised(request, response, upload_id, grounds, kind=Objection.Kind.APPEAL, key=idempotency_key)


@router.get("/{upload_id}/objections", response=LISTED, summary="Reports and appeals on an upload")
def objections(request: TokenRequest, response: HttpResponse, upload_id: int) -> list[dict[str, Any]]:
    response["Cache-Control"] = "no-store"
    found = own_upload(request, upload_id).objections.order_by("pk")
    return [state_of(one) for one in found.with_answer().select_related("screening__policy")]


def raised(  # noqa: PLR0913  (what one call says)
    request: TokenRequest, response: HttpResponse, upload_id: int, grounds: Grounds, *, kind: str, key: str
) -> Status[Any]:
    response["Cache-Control"] = "no-store"
    upload = own_upload(request, upload_id)

    def take() -> StoredAnswer:
        return take_in(request, upload, grounds, kind=kind)

    if not key:
        return said(response, take())
    body = hashlib.sha256(json.dumps([kind, upload_id, grounds.reason, grounds.policy]).encode()).hexdigest()
    return said(response, answer_once(key, token=request.auth, body_sha256=body, answer=take))


def said(response: HttpResponse, answer: StoredAnswer) -> Status[Any]:
    if answer.replayed:
        response["Idempotent-Replayed"] = "true"
    return Status(answer.status_code, answer.content)


def own_upload(request: TokenRequest, upload_id: int) -> Upload:
    upload = Upload.objects.filter(source=request.auth.source, pk=upload_id).first()
    if upload is None:
        raise HttpError(404, f"Found no upload {upload_id} of source {request.auth.source!r}.")
    return upload


def take_in(request: TokenRequest, upload: Upload, grounds: Grounds, *, kind: str) -> StoredAnswer:
    try:
        made = objecting.object_to(upload, kind=kind, text=grounds.reason, policy=grounds.policy, token=request.auth)
    except objecting.REFUSALS as refusal:
        return StoredAnswer(STATUS_CODES[type(refusal)], {"detail": str(refusal)})
    again = Objection.objects.with_answer().select_related("screening__policy").get(pk=made.pk)
    return StoredAnswer(201, ObjectionState(**state_of(again)).model_dump(mode="json"))


def state_of(objection: Objection) -> dict[str, Any]:
    """What is in force, for the outside. ``objection`` comes from with_answer()."""
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
