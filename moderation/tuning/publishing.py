"""The version in force, drafts and proposals, and the publication of a version."""

from typing import Any

from django.db import transaction
from django.db.models import Max, Sum

from moderation.models import LedgerRow, Policy, PolicyVersion, User
from moderation.models.version_content import CONTENT
from moderation.models.versions import PolicyVersionQuerySet
from moderation.routing import Route, SamplingReason
from moderation.tuning.versions import put_in_force

AUDITED = {SamplingReason.AUDIT_APPROVE: Route.APPROVE, SamplingReason.AUDIT_REJECT: Route.REJECT}


class PublishedMeanwhile(Exception):
    """Another version was put in force after the person opened the page. Nothing was saved."""


def in_force(policy: Policy) -> PolicyVersion:
    """Return the policy's version in force, without those of communities."""
    return _roots(policy).in_force().select_related("policy", "classifier", "epoch", "published_by").get()


def draft_of(policy: Policy) -> PolicyVersion | None:
    """Return the policy's draft, or None; there is at most one, because save_draft() locks the policy."""
    return _roots(policy).filter(state=PolicyVersion.State.DRAFT).select_related("created_by").first()


def proposed(current: PolicyVersion, **changes: Any) -> PolicyVersion:
    """Return the version that publishing ``changes`` would put in force, without saving it."""
    content = {name: getattr(current, name) for name in CONTENT} | changes
    return PolicyVersion(policy=current.policy, number=current.number + 1, **content)


@transaction.atomic
def save_draft(policy: Policy, *, by: User, why: str, **changes: Any) -> PolicyVersion:
    """Save ``changes`` to the version in force as the policy's only draft, and return it."""
    _take_turns(policy)
    current, draft = in_force(policy), draft_of(policy)
    if draft is None:
        return current.copy_as_draft(by=by, why=why, **changes)
    # Everything else comes from the version in force, which can be newer than the draft.
    content = {name: getattr(current, name) for name in CONTENT} | changes
    newest = _roots(policy).exclude(pk=draft.pk).aggregate(number=Max("number"))["number"]
    draft.number = max(draft.number, newest + 1)
    for name, value in {**content, "why": why, "created_by": by}.items():
        setattr(draft, name, value)
    draft.save(update_fields=[*content, "number", "why", "created_by"])
    return draft


@transaction.atomic
def publish(policy: Policy, *, by: User, why: str, seen: int, **changes: Any) -> PolicyVersion:
    """Replace the version in force by one with ``changes``; the next pre-screen uses it.

    ``seen`` is the primary key of the version that was in force when the person opened the page.

    Raises:
        PublishedMeanwhile: another version was put in force meanwhile. Nothing was saved.
    """
    _check_unchanged(policy, seen=seen)
    draft = save_draft(policy, by=by, why=why, **changes)
    put_in_force(draft, by=by, why=why)
    return draft


@transaction.atomic
def roll_back(version: PolicyVersion, *, by: User, why: str, seen: int) -> PolicyVersion:
    """Put a new version with the content of an old one in force.

    Raises:
        PublishedMeanwhile: another version was put in force meanwhile. Nothing was saved.
    """
    _check_unchanged(version.policy, seen=seen)
    draft = version.copy_as_draft(by=by)
    put_in_force(draft, by=by, why=why)
    return draft


def _roots(policy: Policy) -> PolicyVersionQuerySet:
    return PolicyVersion.objects.root().filter(policy=policy)


def _take_turns(policy: Policy) -> None:
    """Lock the policy until the transaction ends: one draft or publication at a time, as put_in_force() does."""
    Policy.objects.select_for_update().get(pk=policy.pk)


def _check_unchanged(policy: Policy, *, seen: int) -> None:
    _take_turns(policy)
    current = in_force(policy)
    if current.pk != seen:
        raise PublishedMeanwhile(
            f"Version {current.number} (low {current.low:.2f}, high {current.high:.2f}) was put in force by "
            f"{current.published_by or 'the installation'} since you opened this page. Nothing was saved. "
            "Compare your numbers with that version, then publish again."
        )


def audit_verdicts(version: PolicyVersion) -> dict[SamplingReason, int]:
    """Return the number of final verdicts on audits of the version's epoch, by sampling reason, at the last roll-up.

    They are counted in the ledger, whose rows grow with days and bins, not with uploads.
    """
    rows = LedgerRow.objects.filter(day__epoch=version.epoch).values_list("region").annotate(uploads=Sum("labelled"))
    found = dict(rows)
    return {reason: found.get(region, 0) for reason, region in AUDITED.items()}
