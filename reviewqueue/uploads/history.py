"""What happened to one upload, in the order of time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from moderation.models import Decision, Effect, HashMatch, Screening, Upload, User
from moderation.routing import SamplingReason

WHY_LOOKED_AT = {
    SamplingReason.REVIEW_BAND: "It lies in the review band, so a person is asked.",
    SamplingReason.AUDIT_APPROVE: "The coin drew it as an audit of what is approved.",
    SamplingReason.AUDIT_REJECT: "The coin drew it as an audit of what is rejected.",
    SamplingReason.UNTRUSTED: "Its score is not trusted, so a person is asked whatever it is.",
    SamplingReason.NONE: "The coin did not draw it: nobody is asked.",
}


@dataclass(frozen=True, kw_only=True)
class Event:
    at: datetime
    what: str
    who: str = ""
    detail: str = ""


def timeline(upload: Upload, *, hidden: bool) -> list[Event]:
    """Oldest first. Of an upload that is hidden, only what tells nothing about its score."""
    events = [_received(upload)]
    if not hidden:
        events += _screened(upload)
        events += _matched(upload)
        events += _objected(upload)
        events += _decided(upload)
        events += _effects(upload)
    return sorted(events, key=lambda event: event.at)


def _received(upload: Upload) -> Event:
    who = f"by {upload.received_by}" if upload.received_by else f"from {upload.source}"
    return Event(at=upload.received_at, what="Received", who=who)


def _screened(upload: Upload) -> Iterator[Event]:
    for screening in upload.screenings.all():
        again = "Scored again later." if screening.superseded else ""
        what = f"Screened under {screening.policy}: {screening.route}"
        why = WHY_LOOKED_AT[SamplingReason(screening.sampling_reason)]
        yield Event(
            at=screening.created_at, what=what, who=f"in run {screening.run_id}", detail=f"{why} {again}".strip()
        )


def _matched(upload: Upload) -> Iterator[Event]:
    for match in upload.hash_matches.all():
        what = f"{match.told}: {match.route}"
        detail = "No classifier was asked, and no statistics count it."
        detail += " Withdrawn later." if match.superseded else ""
        yield Event(
            at=match.created_at, what=f"{what[:1].upper()}{what[1:]}", who=f"in run {match.run_id}", detail=detail
        )
        for opinion in match.entry_reviews.all():
            yield Event(
                at=opinion.given_at, what=f"The list's entry {opinion.state}", who=_by(opinion.by), detail=opinion.why
            )


def _by(person: User | None) -> str:
    return f"by {person}" if person else ""


def _objected(upload: Upload) -> Iterator[Event]:
    for objection in upload.objections.all():
        what = objection.get_kind_display().capitalize()
        yield Event(at=objection.raised_at, what=what, who=f"by {objection.raiser}", detail=objection.text)


def _decided(upload: Upload) -> Iterator[Event]:
    """What counts. What people said of a gold item is theirs alone, and would tell others that it is one."""
    for decision in upload.decisions.all():
        if decision.source == Decision.Source.GOLD:
            continue
        what = decision.get_verdict_display() or decision.get_kind_display()
        yield Event(
            at=decision.decided_at, what=f"Decision: {what}", who=f"by {decision.reviewer}", detail=_detail(decision)
        )


def _detail(decision: Decision) -> str:
    said = [decision.reason.replace("_", " "), decision.comment]
    if decision.kind == Decision.Kind.VERDICT and decision.task_id:
        said += [f"{decision.seconds_spent:.0f} s", "revealed" if decision.shown.get("revealed") else "not revealed"]
    if hasattr(decision, "superseded_by"):
        said.append("undone or overruled later")
    return ", ".join(part for part in said if part)


def _effects(upload: Upload) -> Iterator[Event]:
    for effect in upload.effects.all():
        because = "the pre-screen" if effect.screening_id else "a hash list" if effect.match_id else "a decision"
        yield Event(at=effect.due_at, what=f"Effect: {effect.get_outcome_display()}", detail=_fate(effect, because))


def _fate(effect: Effect, because: str) -> str:
    return f"Because of {because}; cancelled in time." if effect.cancelled_at else f"Because of {because}."


def shown_matches(upload: Upload, *, hidden: bool) -> list[HashMatch]:
    return [] if hidden else [match for match in upload.hash_matches.all() if not match.superseded]


def shown_screenings(upload: Upload, *, hidden: bool) -> list[Screening]:
    return [] if hidden else [screening for screening in upload.screenings.all() if not screening.superseded]
