"""The record of one upload, in the order of time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from moderation.formatting import spaced
from moderation.models import Decision, HashMatch, Screening, Upload, User
from moderation.routing import SamplingReason

SAMPLING_REASONS = {
    SamplingReason.REVIEW_BAND: "The score lies in the review band, so a person reviews it.",
    SamplingReason.AUDIT_APPROVE: "The coin drew it as an audit of approved uploads.",
    SamplingReason.AUDIT_REJECT: "The coin drew it as an audit of rejected uploads.",
    SamplingReason.UNTRUSTED: "The score is untrusted, so a person reviews it whatever the score is.",
    SamplingReason.NONE: "The coin did not draw it, so nobody reviews it.",
}


@dataclass(frozen=True, kw_only=True)
class Event:
    """One line of the timeline."""

    at: datetime
    what: str
    who: str = ""
    detail: str = ""


def timeline(upload: Upload, *, hidden: bool) -> list[Event]:
    """Return the events, oldest first. A hidden upload shows only those that reveal nothing about its score."""
    events = [_received(upload)]
    if not hidden:
        events += _screened(upload)
        events += _matched(upload)
        events += _objected(upload)
        events += _decided(upload)
        events += _effects(upload)
    return sorted(events, key=lambda event: event.at)


def shown_matches(upload: Upload, *, hidden: bool) -> list[HashMatch]:
    return [] if hidden else [match for match in upload.hash_matches.all() if not match.superseded]


def shown_screenings(upload: Upload, *, hidden: bool) -> list[Screening]:
    return [] if hidden else [screening for screening in upload.screenings.all() if not screening.superseded]


def _received(upload: Upload) -> Event:
    who = f"by {upload.received_by}" if upload.received_by else f"from {upload.source}"
    return Event(at=upload.received_at, what="Received", who=who)


def _screened(upload: Upload) -> Iterator[Event]:
    for screening in upload.screenings.all():
        later = "A later screening replaced this one." if screening.superseded else ""
        why = SAMPLING_REASONS[SamplingReason(screening.sampling_reason)]
        yield Event(
            at=screening.created_at,
            what=f"Screened under {screening.policy}: {screening.route}",
            who=f"in run {screening.run_id}",
            detail=f"{why} {later}".strip(),
        )


def _matched(upload: Upload) -> Iterator[Event]:
    for match in upload.hash_matches.all():
        what = f"{match.summary}: {match.route}"
        detail = "No classifier scored it, and no statistics count it."
        detail += " Withdrawn later." if match.superseded else ""
        yield Event(
            at=match.created_at, what=f"{what[:1].upper()}{what[1:]}", who=f"in run {match.run_id}", detail=detail
        )
        for review in match.entry_reviews.all():
            yield Event(
                at=review.given_at, what=f"The list's entry {review.state}", who=_by(review.by), detail=review.why
            )


def _by(person: User | None) -> str:
    return f"by {person}" if person else ""


def _objected(upload: Upload) -> Iterator[Event]:
    for objection in upload.objections.all():
        what = objection.get_kind_display().capitalize()
        yield Event(at=objection.raised_at, what=what, who=f"by {objection.raiser}", detail=objection.text)


def _decided(upload: Upload) -> Iterator[Event]:
    """The decisions that count. Verdicts on a gold item stay private: they would reveal that it is one."""
    for decision in upload.decisions.all():
        if decision.source == Decision.Source.GOLD:
            continue
        what = decision.get_verdict_display() or decision.get_kind_display()
        yield Event(
            at=decision.decided_at, what=f"Decision: {what}", who=f"by {decision.reviewer}", detail=_detail(decision)
        )


def _detail(decision: Decision) -> str:
    parts = [spaced(decision.reason), decision.comment]
    if decision.kind == Decision.Kind.VERDICT and decision.task_id:
        parts += [f"{decision.seconds_spent:.0f} s", "revealed" if decision.shown.get("revealed") else "not revealed"]
    if hasattr(decision, "superseded_by"):
        parts.append("undone or overruled later")
    return ", ".join(part for part in parts if part)


def _effects(upload: Upload) -> Iterator[Event]:
    for effect in upload.effects.all():
        cause = "the pre-screen" if effect.screening_id else "a hash list" if effect.match_id else "a decision"
        cancelled = ", and cancelled before it was due" if effect.cancelled_at else ""
        yield Event(
            at=effect.due_at, what=f"Effect: {effect.get_outcome_display()}", detail=f"Because of {cause}{cancelled}."
        )
