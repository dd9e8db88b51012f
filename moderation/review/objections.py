"""Reports and appeals: recording an objection, and asking a person who has not decided on the upload before."""

from django.db import transaction

from moderation.decode_limits import decode_limits
from moderation.decoding.images import ImageRefused
from moderation.decoding.sandbox import Sandbox
from moderation.models import ApiToken, Decision, Objection, ReviewTask, Screening, Upload, User
from moderation.models.decisions import OBJECTION_SOURCES
from moderation.renditions import write_renditions
from moderation.review.consensus import VerdictTally
from moderation.review.deciding import lock_and_tally
from moderation.review.objection_checks import (
    ObjectionRefused,
    PolicyUnclear,
    TextNotAllowed,
    check_can_be_objected_to,
    check_not_decided_by_a_list,
    check_person_may_object,
    check_program_may_object,
    refuse_closed,
)

MAX_CHARACTERS = 2000
# Tasks of objections come before all that nobody has asked about.
PRIORITY = 10


#: Refusals by the state of the upload or the text, which are the same however often one asks.
REFUSALS = (TextNotAllowed, PolicyUnclear, ObjectionRefused)


def object_to(  # noqa: PLR0913  (the fields of one objection)
    upload: Upload, *, kind: str, text: str, policy: str = "", by: User | None = None, token: ApiToken | None = None
) -> Objection:
    """Record an objection to ``upload``, and ask a person who has not decided on it before.

    Raises:
        TextNotAllowed: no reason, or one that is too long.
        PolicyUnclear: ``policy`` does not name one of the upload's policies, and there are several.
        ObjectionRefused: there is nothing to object to, or it was answered for good, or nobody can be shown the image.
        TooManyObjections: the person or program has raised too many today.
        StorageFull: the renditions could not be written.
        SandboxUnavailable: no decode process can be started.
    """
    reason = text.strip()
    if not 0 < len(reason) <= MAX_CHARACTERS:
        raise TextNotAllowed(
            f"Found a reason of {len(reason):,} characters; 1 to {MAX_CHARACTERS:,} are accepted. Say why in a "
            "sentence."
        )
    screening = screening_of(upload, policy=policy, person=by)
    ensure_renditions(screening)
    return record_objection(screening, kind=kind, text=reason, by=by, token=token)


def record_objection(
    screening: Screening, *, kind: str, text: str, by: User | None = None, token: ApiToken | None = None
) -> Objection:
    """Record an objection to ``screening``. Its renditions exist already.

    An open first review, or an open task of another objection, answers this one as well. A report that comes after the
    answer to another report gets that answer.

    Raises:
        ObjectionRefused, TooManyObjections: see ``objection_checks``. Nothing is written.
    """
    with transaction.atomic():
        if by is not None:
            check_person_may_object(screening, kind=kind, person=by)
        if token is not None:
            check_program_may_object(token)
        tally = lock_and_tally(screening)
        check_can_be_objected_to(screening, kind=kind, tally=tally, person=by)
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


def screening_of(upload: Upload, *, policy: str = "", person: User | None = None) -> Screening:
    """Return the live screening that an objection is about; ``policy`` is a slug, needed where there are several.

    A refusal tells ``person`` only what their rights let them know; without one, it tells all.

    Raises:
        ObjectionRefused: the upload is not screened, or a hash list decided it.
        PolicyUnclear: see the class.
    """
    live = list(upload.screenings.live().select_related("policy", "policy_version", "upload__file").order_by("policy"))
    screened = {screening.policy.slug for screening in live}
    check_not_decided_by_a_list(upload, policy=policy, screened=screened, person=person)
    if not live:
        refuse_closed(
            f"{upload} is {upload.get_status_display()}: no pre-screen has decided about it. Nothing was saved.",
            person=person,
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
