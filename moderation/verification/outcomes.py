"""Rules about the outcomes of uploads: their status, and the effects that tell other programs."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from django.db.models import Exists, F, OuterRef, Subquery

from moderation import routing
from moderation.models import Decision, Effect, HashMatch, Screening, Upload, Verdict
from moderation.review.status import computed_statuses
from moderation.review.tallies import tallies
from moderation.verification.findings import Finding, batches

#: By screening, the conclusive verdicts on it; gold items do not count.
Verdicts = dict[int, set[int]]


def uploads_have_the_status_of_their_record() -> Iterator[Finding]:
    for batch in batches(Upload.objects.order_by("pk").iterator()):
        for upload, expected in zip(batch, computed_statuses(batch), strict=True):
            if upload.status != expected:
                yield str(upload), f"status is {upload.status}, the record says {expected}"


def each_upload_is_routed_once() -> Iterator[Finding]:
    """Under one policy an upload is routed by a score or by a hash list, not by both.

    The database makes sure that at most one screening and at most one match are live.
    """
    screened = Screening.objects.live().filter(upload=OuterRef("upload"), policy=OuterRef("policy"))
    for match in HashMatch.objects.live().filter(Exists(screened)).select_related("upload", "policy").iterator():
        yield str(match.upload), f"routed under {match.policy} by a score and by a hash list"


def automatic_routes_have_an_effect() -> Iterator[Finding]:
    automatic = Screening.objects.exclude(route=routing.Route.REVIEW).filter(effects=None)
    for screening in automatic.select_related("upload", "policy").iterator():
        yield str(screening), "decided automatically without an effect"
    for match in HashMatch.objects.exclude(effects__outcome=F("route")).iterator():
        yield f"match {match.pk}", f"{match.route} by a hash list without an effect"


def conclusive_verdicts_have_an_effect() -> Iterator[Finding]:
    """If the verdict that stands differs from the automatic outcome, the newest effect has the verdict's outcome."""
    effect = Effect.objects.filter(upload=OuterRef("upload"), policy=OuterRef("policy"), cancelled_at=None)
    newest = Subquery(effect.order_by("-due_at", "-pk").values("outcome")[:1])
    decided = Decision.objects.live().conclusive().filter(screening=OuterRef("pk"))
    screenings = Screening.objects.live().filter(Exists(decided)).annotate(newest=newest)
    for batch in batches(screenings.select_related("policy_version", "upload").iterator()):
        tally_of = tallies(batch)
        for screening in batch:
            tally = tally_of[screening.pk]
            if tally.outcome not in {screening.automatic_outcome, screening.newest}:  # type: ignore[attr-defined]
                yield f"screening {screening.pk}", f"{tally.consensus} on {screening.upload} has no effect"


def effects_do_what_was_decided() -> Iterator[Finding]:
    """An effect has the outcome of the row that it belongs to.

    A screening's and a hash match's effect has the route; a withdrawn match's may hold the upload instead. A
    decision's has the verdict's outcome. An undo's restores the outcome from before.
    """
    effects = Effect.objects.select_related("screening", "match", "decision__screening__policy_version")
    for batch in batches(effects.iterator()):
        verdicts = _conclusive_verdicts(batch)
        for effect in batch:
            if (expected := _expected_outcome(effect, verdicts=verdicts)) != effect.outcome:
                yield f"effect {effect.pk}", f"{effect.outcome}, the record asks for {expected}"


def _conclusive_verdicts(effects: Sequence[Effect]) -> Verdicts:
    """Return the verdicts on the screenings whose undoing gave one of `effects`."""
    screenings = {
        effect.decision.screening_id for effect in effects if effect.decision and effect.decision.kind == "undo"
    }
    found: Verdicts = defaultdict(set)
    decisions = Decision.objects.conclusive().excluding_gold().filter(screening__in=screenings - {None})
    for pk, screening in decisions.values_list("pk", "screening_id"):
        found[screening].add(pk)
    return found


def _expected_outcome(effect: Effect, *, verdicts: Verdicts) -> str:
    if effect.screening is not None:
        return effect.screening.automatic_outcome
    if effect.match is not None:
        is_withdrawn = effect.match.superseded and effect.outcome == Effect.Outcome.HOLD
        return Effect.Outcome.HOLD if is_withdrawn else effect.match.automatic_outcome
    decision = effect.decision
    assert decision is not None
    if decision.kind == Decision.Kind.UNDO:
        return _restored(decision, effect=effect, verdicts=verdicts)
    if decision.verdict == Verdict.CANNOT_TELL:
        assert decision.screening is not None
        return decision.screening.policy_version.fallback
    return decision.outcome


def _restored(undo: Decision, *, effect: Effect, verdicts: Verdicts) -> str:
    """Return the outcome that an undo restores: the automatic one, unless other people gave verdicts as well."""
    if undo.screening is None:
        return Effect.Outcome.HOLD
    others = verdicts[undo.screening.pk] - {undo.supersedes_id}
    # The effect does not record which of the others counted at its time, so any outcome is accepted.
    return effect.outcome if others else undo.screening.automatic_outcome


def undone_effects_are_reversed() -> Iterator[Finding]:
    """The effect of an undone decision is cancelled, or the undo has the reverse effect."""
    kept = Effect.objects.filter(decision=OuterRef("supersedes"), cancelled_at=None)
    reverse = Effect.objects.filter(decision=OuterRef("pk"))
    # Where other people gave the same verdict, it stays in effect.
    others = Decision.objects.live().conclusive().excluding_gold().filter(screening=OuterRef("screening"))
    undone = Decision.objects.filter(kind=Decision.Kind.UNDO).exclude(Exists(others))
    for undo in undone.filter(Exists(kept), ~Exists(reverse)).iterator():
        yield f"decision {undo.pk}", "undone, and its effect goes on"
