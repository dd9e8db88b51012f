"""The version in force, drafts and proposals, and the publication of a version.

A person may overwrite only what they have seen: ``seen`` is the primary key of the version that was in force, and
``seen_draft`` the ``draft_mark`` of the draft, when they opened the page.
"""

from typing import Any

from django.db import transaction
from django.db.models import Max, Sum
from django.utils import timezone

from moderation.formatting import moment
from moderation.models import LedgerRow, Policy, PolicyVersion, User
from moderation.models.version_content import CONTENT
from moderation.models.versions import PolicyVersionQuerySet
from moderation.routing import Route, SamplingReason
from moderation.tuning.counts import score_counts
from moderation.tuning.safeguards import ConfirmationMissing, confirmation_for
from moderation.tuning.versions import put_in_force

AUDITED = {SamplingReason.AUDIT_APPROVE: Route.APPROVE, SamplingReason.AUDIT_REJECT: Route.REJECT}


class PublishedMeanwhile(Exception):
    """Another version was put in force after the person opened the page. Nothing was saved."""


class DraftedMeanwhile(Exception):
    """Somebody else saved the draft after the person opened the page. Nothing was saved."""


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


def draft_mark(draft: PolicyVersion | None) -> str:
    """Return what tells one saving of the draft from the next; empty without a draft."""
    return f"{draft.pk} {draft.saved_at.isoformat()}" if draft else ""


@transaction.atomic
def save_draft(policy: Policy, *, by: User, why: str, seen_draft: str = "", **changes: Any) -> PolicyVersion:
    """Save ``changes`` to the version in force as the policy's only draft, and return it.

    Raises:
        DraftedMeanwhile: somebody else saved the draft meanwhile. Nothing was saved.
    """
    _take_turns(policy)
    _check_draft_unchanged(policy, by=by, seen_draft=seen_draft)
    return _save_draft(policy, by=by, why=why, **changes)


@transaction.atomic
def publish(  # noqa: PLR0913  (what the person changed, and what they had seen)
    policy: Policy, *, by: User, why: str, seen: int, seen_draft: str = "", confirmed: str = "", **changes: Any
) -> PolicyVersion:
    """Replace the version in force by one with ``changes``; the next pre-screen uses it.

    A draft with the same content is published as it is, so that whoever drafted it stays known.

    Raises:
        PublishedMeanwhile: another version was put in force meanwhile. Nothing was saved.
        DraftedMeanwhile: somebody else saved the draft meanwhile. Nothing was saved.
        ConfirmationMissing: so large a change has to be confirmed, and ``confirmed`` is not the phrase.
        SecondPersonNeeded: the policy needs another person than the drafter to publish. Nothing was published.
    """
    _check_unchanged(policy, seen=seen)
    _check_draft_unchanged(policy, by=by, seen_draft=seen_draft)
    _check_confirmed(proposed(in_force(policy), **changes), typed=confirmed)
    draft = draft_of(policy)
    if draft is None or not _has(draft, **changes):
        draft = _save_draft(policy, by=by, why=why, **changes)
    put_in_force(draft, by=by, why=why)
    return draft


@transaction.atomic
def roll_back(version: PolicyVersion, *, by: User, why: str, seen: int, confirmed: str = "") -> PolicyVersion:
    """Put a new version with the content of an old one in force.

    Raises:
        PublishedMeanwhile: another version was put in force meanwhile. Nothing was saved.
        ConfirmationMissing: so large a change has to be confirmed, and ``confirmed`` is not the phrase.
        SecondPersonNeeded: the person published the old version, and the policy needs two. Nothing was published.
    """
    _check_unchanged(version.policy, seen=seen)
    if version.classifier_id == in_force(version.policy).classifier_id:
        _check_confirmed(version, typed=confirmed)
    draft = version.copy_as_draft(by=version.created_by)
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


def _check_draft_unchanged(policy: Policy, *, by: User, seen_draft: str) -> None:
    """Refuse to overwrite a draft that the person has not seen, unless they saved it themselves in another tab."""
    draft = draft_of(policy)
    if draft is None or draft.created_by == by or draft_mark(draft) == seen_draft:
        return
    raise DraftedMeanwhile(
        f"{draft.created_by or 'The installation'} saved a draft, version {draft.number} (low {draft.low:.2f}, high "
        f"{draft.high:.2f}), on {moment(draft.saved_at)}, since you opened this page. Nothing was saved; your numbers "
        "are still in the form. Save them once more to replace that draft, or start from it."
    )


def _check_confirmed(version: PolicyVersion, *, typed: str) -> None:
    """Raise ConfirmationMissing where ``version`` needs a confirmation that ``typed`` is not."""
    asked = confirmation_for(version, current=in_force(version.policy), counts=score_counts(version.policy))
    if asked is not None and not asked.is_given_by(typed):
        raise ConfirmationMissing(asked.request)


def _save_draft(policy: Policy, *, by: User, why: str, **changes: Any) -> PolicyVersion:
    """Create or overwrite the policy's draft. The caller has locked the policy."""
    current, draft = in_force(policy), draft_of(policy)
    if draft is None:
        return current.copy_as_draft(by=by, why=why, **changes)
    # Everything else comes from the version in force, which can be newer than the draft.
    content = {name: getattr(current, name) for name in CONTENT} | changes
    newest = _roots(policy).exclude(pk=draft.pk).aggregate(number=Max("number"))["number"]
    draft.number = max(draft.number, newest + 1)
    for name, value in {**content, "why": why, "created_by": by, "saved_at": timezone.now()}.items():
        setattr(draft, name, value)
    draft.save(update_fields=[*content, "number", "why", "created_by", "saved_at"])
    return draft


def _has(draft: PolicyVersion, **changes: Any) -> bool:
    """Return whether publishing the draft as it is gives ``changes`` to the version in force, and nothing else."""
    wanted = proposed(in_force(draft.policy), **changes)
    return all(getattr(draft, name) == getattr(wanted, name) for name in CONTENT)


def audit_verdicts(version: PolicyVersion) -> dict[SamplingReason, int]:
    """Return the number of final verdicts on audits of the version's epoch, by sampling reason, at the last roll-up.

    They are counted in the ledger, whose rows grow with days and bins, not with uploads.
    """
    rows = LedgerRow.objects.filter(day__epoch=version.epoch).values_list("region").annotate(uploads=Sum("labelled"))
    found = dict(rows)
    return {reason: found.get(region, 0) for reason, region in AUDITED.items()}
