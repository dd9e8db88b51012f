"""Reports and appeals: recording an objection, and asking a person who has not decided on the upload before."""

from collections.abc import Set

from django.db import transaction

from moderation.decode_limits import decode_limits
from moderation.decoding.images import ImageRefused
from moderation.decoding.sandbox import Sandbox
from moderation.models import ApiToken, Decision, Objection, ReviewTask, Screening, Upload, User
from moderation.models.decisions import OBJECTION_SOURCES
from moderation.renditions import write_renditions
from moderation.review.claiming import lock_moderator
from moderation.review.consensus import VerdictTally
from moderation.review.deciding import lock_and_tally

MAX_CHARACTERS = 2000
# Tasks of objections come before all that nobody has asked about.
PRIORITY = 10


class ObjectionRefused(Exception):
    """There is nothing to object to, or it was answered for good. Nothing is written."""


class PolicyUnclear(Exception):
    """The upload was screened under several policies, or not under the one that was named."""


class TextNotAllowed(Exception):
    """An objection needs a reason of 1 to 2,000 characters."""


#: Refusals that the caller can do something about; the first one that applies is raised.
REFUSALS = (TextNotAllowed, PolicyUnclear, ObjectionRefused)


def object_to(  # noqa: PLR0913  (the fields of one objection)
    upload: Upload, *, kind: str, text: str, policy: str = "", by: User | None = None, token: ApiToken | None = None
) -> Objection:
    """Record an objection to ``upload``, and ask a person who has not decided on it before.

    Raises:
        TextNotAllowed: no reason, or one that is too long.
        PolicyUnclear: ``policy`` does not name one of the upload's policies, and there are several.
        ObjectionRefused: there is nothing to object to, or it was answered for good, or nobody can be shown the image.
        StorageFull: the renditions could not be written.
        SandboxUnavailable: no decode process can be started.
    """
    reason = text.strip()
    if not 0 < len(reason) <= MAX_CHARACTERS:
        raise TextNotAllowed(
            f"Found a reason of {len(reason):,} characters; 1 to {MAX_CHARACTERS:,} are accepted. Say why in a "
            "sentence."
        )
    screening = screening_of(upload, policy=policy)
    ensure_renditions(screening)
    return record_objection(screening, kind=kind, text=reason, by=by, token=token)


def record_objection(
    screening: Screening, *, kind: str, text: str, by: User | None = None, token: ApiToken | None = None
) -> Objection:
    """Record an objection to ``screening``. Its renditions exist already.

    An open first review, or an open task of another objection, answers this one as well. A report that comes after the
    answer to another report gets that answer.

    Raises:
        ObjectionRefused: the person reviews the upload just now, nothing is decided yet, or an appeal was decided.
    """
    with transaction.atomic():
        if by is not None:
            _check_not_reviewing(screening, person=by)
        tally = lock_and_tally(screening)
        _check_can_be_objected_to(screening, kind=kind)
        task = _open_task(screening, tally=tally) or _answering_task(screening, kind=kind)
        return Objection.objects.create(
            kind=kind,
            screening=screening,
            upload_id=screening.upload_id,
            task=task or ReviewTask.objects.open_again(screening, kind=kind, priority=PRIORITY),
            stood=tally.outcome,
            text=text,
            raised_by=by,
            token=token,
        )


def screening_of(upload: Upload, *, policy: str = "") -> Screening:
    """Return the live screening that an objection is about; ``policy`` is a slug, needed where there are several.

    Raises:
        ObjectionRefused: the upload is not screened, or a hash list decided it.
        PolicyUnclear: see the class.
    """
    live = list(upload.screenings.live().select_related("policy", "policy_version", "upload__file").order_by("policy"))
    _check_not_decided_by_a_list(upload, policy=policy, screened={screening.policy.slug for screening in live})
    if not live:
        raise ObjectionRefused(
            f"{upload} is {upload.get_status_display()}: no pre-screen has decided about it. Nothing was saved."
        )
    found = [screening for screening in live if policy in {"", screening.policy.slug}]
    if len(found) != 1:
        known = ", ".join(screening.policy.slug for screening in live)
        raise PolicyUnclear(f"Found the policy {policy!r}; {upload} was screened under: {known}. Name one of them.")
    return found[0]


def ensure_renditions(screening: Screening) -> None:
    """Write the renditions of an upload that nobody had to review before.

    Raises:
        ObjectionRefused: the image cannot be shown.
        StorageFull: they could not be written.
        SandboxUnavailable: no decode process can be started.
    """
    try:
        with Sandbox(limits=decode_limits()) as sandbox:
            write_renditions(screening.upload.file, frames=screening.ranked_frames, sandbox=sandbox)
    except ImageRefused as refused:
        raise ObjectionRefused(
            f"Nobody can be shown {screening.upload}: {refused.detail or refused.reason}. Nothing was saved."
        ) from refused


def _check_not_decided_by_a_list(upload: Upload, *, policy: str, screened: Set[str]) -> None:
    """Raise ObjectionRefused where a hash list decided: there is no score to correct, and no image to be shown."""
    for match in upload.hash_matches.live().with_list():
        if policy == match.policy.slug or not (policy or screened):
            raise ObjectionRefused(
                f"{upload} is {match.summary}, under {match.policy}. It has no score, so nobody can review it again. "
                "Nothing was saved. A lead can contest the list's entry on the upload's page; the next pre-screen then "
                "scores the upload."
            )


def _check_not_reviewing(screening: Screening, *, person: User) -> None:
    """Raise ObjectionRefused where ``person`` holds a task on it: they would answer themselves.

    Locks the person's claims, so that none comes in between.
    """
    lock_moderator(person)
    if ReviewTask.objects.held().filter(screening=screening, claimed_by=person).exists():
        raise ObjectionRefused(
            f"You are reviewing {screening.upload} in the queue just now. Nothing was saved. Give your verdict there, "
            "or skip the upload and come back."
        )


def _check_can_be_objected_to(screening: Screening, *, kind: str) -> None:
    upload = Upload.objects.get(pk=screening.upload_id)
    if upload.erased_at is not None or Screening.objects.filter(pk=screening.pk, superseded=True).exists():
        raise ObjectionRefused(f"{upload} has changed since you opened it. Nothing was saved. Open it again.")
    if kind == Objection.Kind.APPEAL and upload.status not in {Upload.Status.APPROVED, Upload.Status.REJECTED}:
        raise ObjectionRefused(
            f"Nothing is decided about {upload} yet: it is {upload.get_status_display()}. Appeal when it is."
        )
    if kind == Objection.Kind.APPEAL and screening.decisions.live().conclusive().filter(source="appeal").exists():
        raise ObjectionRefused(
            f"An appeal on {upload} was decided already, and only one is possible. Nothing was saved."
        )


def _open_task(screening: Screening, *, tally: VerdictTally) -> ReviewTask | None:
    """Return an open task whose verdict will answer the objection: one of another objection, or the first review."""
    kinds = (*OBJECTION_SOURCES, ReviewTask.Kind.SCREENING) if tally.is_empty else OBJECTION_SOURCES
    task: ReviewTask | None = screening.tasks.undecided().filter(kind__in=kinds).order_by("pk").first()
    if task is not None:
        ReviewTask.objects.filter(pk=task.pk, priority__lt=PRIORITY).update(priority=PRIORITY)
    return task


def _answering_task(screening: Screening, *, kind: str) -> ReviewTask | None:
    """Return the task whose verdict answered an earlier objection: a further report asks nobody again."""
    if kind != Objection.Kind.REPORT:
        return None
    given = Decision.objects.live().conclusive().filter(screening=screening, source__in=OBJECTION_SOURCES)
    last = given.order_by("-pk").select_related("task").first()
    return last.task if last else None
