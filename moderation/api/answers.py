"""The schemas of the API's answers, and the state of an upload as other programs see it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

from ninja import Field, Schema

from moderation.models import Effect, HashMatch, Screening, Upload
from moderation.models.effects import effects_in_force, status_in_force

Status = Literal["pending", "in_review", "approved", "rejected", "quarantined"]


class Problem(Schema):
    detail: str = Field(description="The value found, the values accepted, and the next step.")


class Receipt(Schema):
    id: int
    status: Status
    url: str = Field(description="The URL of the upload's state.")


class PolicyResult(Schema):
    policy: str = Field(description="The policy's slug.")
    version: int | None = Field(
        description="The policy version whose thresholds routed the upload; null if a hash list did."
    )
    route: Literal["approve", "review", "reject"] = Field(description="The route by the thresholds or the hash list.")
    outcome: Literal["approve", "reject"] | None = Field(
        description="The outcome in force; null while the upload waits for a decision."
    )
    hash_list: str | None = Field(
        description="The hash list that routed the upload, and how it matched; null if none did."
    )


class PersonsDecision(Schema):
    policy: str | None = Field(description="Null if the decision was on a quarantined upload.")
    outcome: Literal["approve", "reject"]
    verdict: Literal["violating", "benign", "cannot_tell"]
    reason: str = Field(description="The code of one of the policy's reasons, or empty.")
    decided_at: datetime
    in_force_since: datetime


class UploadState(Schema):
    id: int
    external_id: str
    source: str
    uploader: str
    community: str | None
    status: Status
    quarantine_reason: str | None = Field(
        description="Why the image could not be read safely, while it is quarantined."
    )
    received_at: datetime
    policies: list[PolicyResult]
    decision: PersonsDecision | None = Field(
        description="The decision of a person, once it is in force; the strictest one if there are several."
    )


def state_of(upload: Upload) -> dict[str, Any]:
    """Return the state in force. A decision within its grace period does not show, and no score is included."""
    effects = effects_in_force(upload)
    status = status_in_force(upload, effects=effects)
    return {
        "id": upload.pk,
        "external_id": upload.external_id,
        "source": upload.source,
        "uploader": upload.uploader_reference,
        "community": upload.community.slug if upload.community else None,
        "status": status,
        "quarantine_reason": upload.quarantine_reason if status == Upload.Status.QUARANTINED else None,
        "received_at": upload.received_at,
        "policies": _policies(upload, effects),
        "decision": _decision(effects),
    }


def _policies(upload: Upload, effects: Iterable[Effect]) -> list[dict[str, Any]]:
    outcomes = {effect.policy_id: effect.outcome for effect in effects}
    screenings = upload.screenings.live().select_related("policy", "policy_version")
    routed: list[Screening | HashMatch] = [*screenings, *upload.hash_matches.live().with_list()]
    routed.sort(key=lambda each: each.policy_id)
    return [_policy(each, outcome=outcomes.get(each.policy_id)) for each in routed]


def _policy(routed: Screening | HashMatch, *, outcome: str | None) -> dict[str, Any]:
    return {
        "policy": routed.policy.slug,
        "version": routed.policy_version.number if isinstance(routed, Screening) else None,
        "route": routed.route,
        "outcome": None if outcome == Effect.Outcome.HOLD else outcome,
        "hash_list": routed.summary if isinstance(routed, HashMatch) else None,
    }


def _decision(effects: Iterable[Effect]) -> dict[str, Any] | None:
    """Return the strictest verdict in force. The effect of an undo is not a verdict."""
    by_people = [effect for effect in effects if effect.decision and effect.decision.verdict]
    by_people.sort(key=lambda effect: (effect.outcome != Effect.Outcome.REJECT, -effect.pk))
    return _persons_decision(by_people[0]) if by_people else None


def _persons_decision(effect: Effect) -> dict[str, Any]:
    decision = effect.decision
    assert decision is not None
    return {
        "policy": effect.policy.slug if effect.policy else None,
        "outcome": effect.outcome,
        "verdict": decision.verdict,
        "reason": decision.reason,
        "decided_at": decision.decided_at,
        "in_force_since": effect.due_at,
    }
