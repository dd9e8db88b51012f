"""What became of uploads: their status, and the effects that leave the building."""

from collections.abc import Iterator

from django.db.models import Exists, F, OuterRef, Subquery

from moderation import routing
from moderation.models import Decision, Effect, HashMatch, Screening, Upload, Verdict
from moderation.review.consensus import VerdictTally
from moderation.review.status import computed_statuses
from moderation.verification.findings import Finding, batches


def uploads_have_the_status_of_their_record() -> Iterator[Finding]:
    for batch in batches(Upload.objects.order_by("pk").iterator()):
        for upload, expected in zip(batch, computed_statuses(batch), strict=True):
            if upload.status != expected:
                yield str(upload), f"status is {upload.status}, the record says {expected}"


def each_upload_is_routed_once() -> Iterator[Finding]:
    """Under one policy by a score or by a hash list; that one of each is live, the database sees to."""
    screened = Screening.objects.live().filter(upload=OuterRef("upload"), policy=OuterRef("policy"))
    for match in HashMatch.objects.live().filter(Exists(screened)).select_related("upload", "policy").iterator():
        yield str(match.upload), f"routed under {match.policy} by a score and by a hash list"


def automatic_routes_have_an_effect() -> Iterator[Finding]:
    for screening in Screening.objects.exclude(route=routing.Route.REVIEW).filter(effects=None).iterator():
        yield str(screening), "decided automatically without an effect"
    for match in HashMatch.objects.exclude(effects__outcome=F("route")).iterator():
        yield f"match {match.pk}", f"{match.route} by a hash list without an effect"


def conclusive_verdicts_have_an_effect() -> Iterator[Finding]:
    """Where the verdict that stands differs from what the machine did, the newest effect says so."""
    effect = Effect.objects.filter(upload=OuterRef("upload"), policy=OuterRef("policy"), cancelled_at=None)
    newest = Subquery(effect.order_by("-due_at", "-pk").values("outcome")[:1])
    decided = Decision.objects.live().conclusive().filter(screening=OuterRef("pk"))
    screenings = Screening.objects.live().filter(Exists(decided)).annotate(newest=newest)
    for screening in screenings.select_related("policy_version", "upload").iterator():
        said = VerdictTally.on(screening)
        if said.outcome not in {screening.automatic_outcome, screening.newest}:  # type: ignore[attr-defined]
            yield f"screening {screening.pk}", f"{said.consensus} on {screening.upload} has no effect"


def effects_do_what_was_decided() -> Iterator[Finding]:
    """Of a screening: its route. Of a verdict: what it asks for. Of an undo: what the machine had done.

    Of a match with a hash list: its route, and once that is withdrawn, to hold the upload.
    """
    effects = Effect.objects.select_related("screening", "match", "decision__screening__policy_version")
    for effect in effects.iterator():
        if (expected := _expected_outcome(effect)) != effect.outcome:
            yield f"effect {effect.pk}", f"{effect.outcome}, what it stems from asks for {expected}"


def _expected_outcome(effect: Effect) -> str:
    if effect.screening is not None:
        return effect.screening.automatic_outcome
    if effect.match is not None:
        is_taken_back = effect.match.superseded and effect.outcome == Effect.Outcome.HOLD
        return Effect.Outcome.HOLD if is_taken_back else effect.match.automatic_outcome
    decision = effect.decision
    assert decision is not None
    if decision.kind == Decision.Kind.UNDO:
        return _restored(decision, effect=effect) if decision.screening else Effect.Outcome.HOLD
    if decision.verdict == Verdict.CANNOT_TELL:
        assert decision.screening is not None
        return decision.screening.policy_version.fallback
    return decision.outcome


def _restored(undo: Decision, *, effect: Effect) -> str:
    """What an undo goes back to: what the machine had done, or what others said of the same screening."""
    assert undo.screening is not None
    others = Decision.objects.conclusive().that_count().filter(screening=undo.screening).exclude(superseded_by=undo)
    return effect.outcome if others.exists() else undo.screening.automatic_outcome


def undone_effects_are_reversed() -> Iterator[Finding]:
    """The effect of an undone verdict was cancelled, or the undo has the reverse effect."""
    kept = Effect.objects.filter(decision=OuterRef("supersedes"), cancelled_at=None)
    reverse = Effect.objects.filter(decision=OuterRef("pk"))
    # Where others say the same, what they say goes on.
    others = Decision.objects.live().conclusive().that_count().filter(screening=OuterRef("screening"))
    undone = Decision.objects.filter(kind=Decision.Kind.UNDO).exclude(Exists(others))
    for undo in undone.filter(Exists(kept), ~Exists(reverse)).iterator():
        yield f"decision {undo.pk}", "undone, and its effect goes on"
