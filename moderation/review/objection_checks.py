"""Which reports and appeals are refused, and why. The checks run in the transaction that records the objection."""

from collections.abc import Set
from datetime import timedelta

from django.conf import settings
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from moderation.models import ApiToken, Objection, ReviewTask, Screening, Upload, User
from moderation.review.acquaintance import known_to
from moderation.review.claiming import lock_moderator
from moderation.review.consensus import VerdictTally

#: To people who may not know of hash lists and quarantine.
CLOSED = "Nobody can look at this upload again. Nothing was saved."


class ObjectionRefused(Exception):
    """There is nothing to object to, or it was answered for good. Nothing is written."""


class PolicyUnclear(Exception):
    """The upload was screened under several policies, or not under the one that was named."""


class TextNotAllowed(Exception):
    """An objection needs a reason of 1 to 2,000 characters."""


class TooManyObjections(Exception):
    """The person or the program has raised as many objections in 24 hours as the settings allow."""


def check_person_may_object(screening: Screening, *, kind: str, person: User) -> None:
    """Check what applies to people alone. Locks the person's claims, so that none comes in between.

    Raises:
        ObjectionRefused: they review the upload just now, were not shown it, or reported it already.
        TooManyObjections: they raised too many reports today.
    """
    lock_moderator(person)
    _check_not_reviewing(screening, person=person)
    if kind == Objection.Kind.REPORT:
        _check_was_shown(screening, person=person)
        _check_not_reported_by(screening, person=person)
        _check_limit(
            person.objections.filter(kind=kind), most=settings.REPORTS_PER_DAY, found="reports by you",
            remedy="Tell a lead if there are more to report.",
        )  # fmt: skip


def check_program_may_object(token: ApiToken) -> None:
    """Check what applies to programs alone. Locks the token, so that calls at once are counted one after the other.

    Raises:
        TooManyObjections: the token raised too many objections today.
    """
    ApiToken.objects.select_for_update(no_key=True).only("pk").get(pk=token.pk)
    _check_limit(
        token.objections.all(), most=settings.TOKEN_OBJECTIONS_PER_DAY, found="reports and appeals by this token",
        remedy="Send the rest tomorrow, or ask the operator to raise TOKEN_OBJECTIONS_PER_DAY.",
    )  # fmt: skip


def check_can_be_objected_to(screening: Screening, *, kind: str, tally: VerdictTally, person: User | None) -> None:
    """Check the upload itself. The caller has locked ``screening``, so that objections come one after the other.

    Raises:
        ObjectionRefused: it has changed, is not in a state to object to, or an appeal waits or was answered.
    """
    upload = Upload.objects.get(pk=screening.upload_id)
    if upload.erased_at is not None or Screening.objects.filter(pk=screening.pk, superseded=True).exists():
        raise ObjectionRefused(f"{upload} has changed since you opened it. Nothing was saved. Open it again.")
    if kind == Objection.Kind.APPEAL:
        _check_appealable(screening, upload=upload)
    else:
        _check_reportable(upload, tally=tally, person=person)


def check_not_decided_by_a_list(upload: Upload, *, policy: str, screened: Set[str], person: User | None) -> None:
    """Refuse where a hash list decided: there is no score to correct, and no image to be shown.

    The reason names the list, except to a person who may not know of lists.

    Raises:
        ObjectionRefused: see above.
    """
    for match in upload.hash_matches.live().with_list():
        if policy == match.policy.slug or not (policy or screened):
            refuse_closed(
                f"{upload} is {match.summary}, under {match.policy}. It has no score, so nobody can review it again. "
                "Nothing was saved. A lead can contest the list's entry on the upload's page; the next pre-screen then "
                "scores the upload.",
                person=person,
            )


def refuse_closed(reason: str, *, person: User | None) -> None:
    """Refuse with ``reason``, which speaks of hash lists or quarantine, or without it to who may not know of them.

    Raises:
        ObjectionRefused: always.
    """
    told = person is None or person.has_perm("moderation.keep_hash_lists")
    raise ObjectionRefused(reason if told else CLOSED)


def _check_not_reviewing(screening: Screening, *, person: User) -> None:
    """Refuse where ``person`` holds a task on it: they would answer themselves."""
    if ReviewTask.objects.held().filter(screening=screening, claimed_by=person).exists():
        raise ObjectionRefused(
            "You are reviewing this upload in the queue just now. Nothing was saved. Give your verdict there, or skip "
            "the upload and come back."
        )


def _check_was_shown(screening: Screening, *, person: User) -> None:
    if not Upload.objects.filter(known_to(person), pk=screening.upload_id).exists():
        raise ObjectionRefused(
            f"You have not seen {screening.upload}, or may still be asked about it. Nothing was saved. People report "
            "what they decided or what was shown to them."
        )


def _check_not_reported_by(screening: Screening, *, person: User) -> None:
    mine = Objection.objects.waiting().filter(kind=Objection.Kind.REPORT, screening=screening, raised_by=person)
    if mine.exists():
        raise ObjectionRefused(
            f"You reported {screening.upload} already, and another person will review it. Nothing was saved."
        )


def _check_limit(objections: QuerySet[Objection], *, most: int, found: str, remedy: str) -> None:
    count = objections.filter(raised_at__gt=Now() - timedelta(days=1)).count()
    if count >= most:
        raise TooManyObjections(
            f"Found {count:,} {found} in the last 24 hours; at most {most:,} are accepted. Nothing was saved. {remedy}"
        )


def _check_reportable(upload: Upload, *, tally: VerdictTally, person: User | None) -> None:
    """Refuse a report on what stands rejected: it would ask to lift the rejection.

    Programs may report what is in review as well, and its first review is the answer. To people that would tell that
    it is in review.
    """
    if tally.outcome == "reject":
        raise ObjectionRefused(
            f"{upload} stands rejected, so there is nothing to report. Nothing was saved. An appeal is the way to "
            "object to a rejection."
        )
    if person is not None and tally.outcome != "approve":
        raise ObjectionRefused(f"Nothing is decided about {upload} yet. Nothing was saved. Report it when it is.")


def _check_appealable(screening: Screening, *, upload: Upload) -> None:
    if upload.status not in {Upload.Status.APPROVED, Upload.Status.REJECTED}:
        raise ObjectionRefused(
            f"Nothing is decided about {upload} yet: it is {upload.get_status_display()}. Nothing was saved. Appeal "
            "when it is."
        )
    appeals = Objection.objects.filter(kind=Objection.Kind.APPEAL, upload=upload, screening__policy=screening.policy_id)
    first = appeals.with_answer().filter(Q(waits=True) | Q(verdict__isnull=False)).order_by("pk").first()
    if first is not None:
        state = "waits for its answer" if first.waits else "was decided"  # type: ignore[attr-defined]
        raise ObjectionRefused(
            f"Appeal {first.pk} on {upload}, raised on {first.raised_at:%Y-%m-%d at %H:%M} UTC, {state}. Only one "
            "appeal is possible for each upload and policy. Nothing was saved."
        )
