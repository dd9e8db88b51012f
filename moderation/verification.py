"""Does the record hold together, and does storage hold what the record says? Reads everything, changes nothing."""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import TypeVar

import pghistory.models
from django.apps import apps
from django.db import connection
from django.db.models import Count, Exists, F, Model, OuterRef, Q, Subquery

from moderation import files, routing
from moderation.hashlists import soundness
from moderation.inference import embedded
from moderation.inference.manifest import ClassifierFileError
from moderation.models import (
    Classifier,
    Decision,
    Effect,
    Epoch,
    Fingerprint,
    HashMatch,
    PolicyVersion,
    ReviewTask,
    Score,
    Screening,
    Shadow,
    StoredFile,
    Upload,
    Verdict,
)
from moderation.models.film import BLURRED, CLEAR
from moderation.models.opinions import Opinions
from moderation.models.status import statuses
from moderation.tuning import certificates, rollup

# A file is written before its row is committed: one that is younger may be about to get its row.
SWEEPABLE_AFTER_SECONDS = 3600


@dataclass(frozen=True)
class Problem:
    """One thing that breaks: which rule, which row or file, what was found."""

    rule: str
    what: str
    found: str


@dataclass
class Findings:
    problems: list[Problem] = field(default_factory=list)
    sweepable: list[Path] = field(default_factory=list)
    checked: dict[str, int] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        return not self.problems

    def as_json(self) -> dict[str, object]:
        return {
            "clean": self.clean,
            "problems": [asdict(problem) for problem in self.problems],
            "sweepable": [path.name for path in self.sweepable],
            "checked": self.checked,
        }


def verify(*, on_rule: Callable[[str], None] = lambda _rule: None) -> Findings:
    """Check every rule in turn; ``on_rule`` is told which one is at work."""
    findings = Findings(sweepable=list(sweepable_files()))
    for rule, check in RULES.items():
        on_rule(rule)
        findings.problems += [Problem(rule, what, found) for what, found in check()]
    findings.checked = {model._meta.label: model._default_manager.count() for model in COUNTED}
    return findings


def sweep() -> int:
    """Remove files that no row refers to, each after one more look: an upload of the same bytes may have come in."""
    removed = 0
    for path in sweepable_files():
        if _is_old(path) and not StoredFile.objects.filter(sha256=_sha256_of(path)).exists():
            path.unlink(missing_ok=True)
            removed += 1
    return removed


Finding = tuple[str, str]
Thing = TypeVar("Thing")


def uploads_have_the_status_of_their_record() -> Iterator[Finding]:
    for batch in _batches(Upload.objects.order_by("pk").iterator()):
        for upload, expected in zip(batch, statuses(batch), strict=True):
            if upload.status != expected:
                yield str(upload), f"status is {upload.status}, the record says {expected}"


def decided_tasks_have_one_live_verdict() -> Iterator[Finding]:
    live = Q(decisions__superseded_by=None) & ~Q(decisions__kind=Decision.Kind.UNDO)
    tasks = ReviewTask.objects.annotate(verdicts=Count("decisions", filter=live & Q(decisions__isnull=False)))
    wrong = Q(decided_at__isnull=False) & ~Q(verdicts=1) | Q(decided_at=None) & ~Q(verdicts=0)
    for task in tasks.filter(wrong).iterator():
        state = "decided" if task.decided_at else "undecided"
        yield str(task), f"{state} with {task.verdicts} live verdicts"  # type: ignore[attr-defined]


def screenings_have_their_score() -> Iterator[Finding]:
    score = Score.objects.filter(
        file=OuterRef("upload__file"),
        classifier=OuterRef("classifier"),
        preprocessing_version=OuterRef("preprocessing_version"),
    )
    for screening in Screening.objects.filter(~Exists(score)).iterator():
        yield str(screening), "no score of its file by its classifier and preprocessing"


def doubted_scores_go_to_a_person() -> Iterator[Finding]:
    """Why a screening's score is not trusted is what its score says; then it is a person's, as the database sees to."""
    other = Score.objects.filter(
        file=OuterRef("upload__file"),
        classifier=OuterRef("classifier"),
        preprocessing_version=OuterRef("preprocessing_version"),
    ).exclude(doubt=OuterRef("doubt"))
    for screening in Screening.objects.filter(Exists(other)).iterator():
        yield str(screening), f"its doubt is {screening.doubt or 'none'}, its score says another"


def files_have_one_score() -> Iterator[Finding]:
    key = ("file", "classifier", "preprocessing_version", "label")
    for row in Score.objects.values(*key).annotate(scores=Count("pk")).filter(scores__gt=1).iterator():
        yield f"file {row['file']}", f"{row['scores']} scores for {row['label']} by classifier {row['classifier']}"


def near_duplicates_belong_to_what_stands_for_itself() -> Iterator[Finding]:
    """No chains: each file lies within the radius of the one that stands for it."""
    chained = Fingerprint.objects.exclude(cluster__fingerprint__cluster=F("cluster"))
    for each in chained.select_related("file", "cluster").iterator():
        yield f"file {each.file}", f"counts as {each.cluster}, which counts as another one itself"


def waiting_tasks_wait_for_a_look() -> Iterator[Finding]:
    """What a task waits for is itself being asked about, or is decided for good."""
    asked = ReviewTask.objects.asking().filter(screening=OuterRef("waits_for"), kind=ReviewTask.Kind.SCREENING)
    for task in ReviewTask.objects.undecided().filter(~Exists(asked), waits_for__isnull=False).iterator():
        yield str(task), "waits for the verdict on a near-duplicate that nobody is asked about"


def linked_decisions_follow_their_origin() -> Iterator[Finding]:
    linked = Decision.objects.live().filter(carried_from__isnull=False)
    for decision in linked.exclude(verdict=F("carried_from__verdict")).iterator():
        yield f"decision {decision.pk}", f"{decision.verdict}, unlike decision {decision.carried_from_id}, its origin"
    for decision in linked.filter(carried_from__superseded_by__isnull=False).iterator():
        yield f"decision {decision.pk}", "what it was carried over from was undone"


def screenings_follow_coin_and_thresholds() -> Iterator[Finding]:
    """The draw is the epoch's coin; the route is what score, thresholds and coin say."""
    secrets = {epoch.pk: bytes(epoch.secret) for epoch in Epoch.objects.all()}
    for screening in Screening.objects.select_related("policy_version").iterator():
        u = routing.coin(secrets[screening.epoch_id], upload_id=screening.upload_id, policy_id=screening.policy_id)
        if u != screening.u:
            yield str(screening), f"u is {screening.u}, the epoch's coin shows {u}"
        if not _could_be_drawn(screening):
            yield str(screening), f"pi {screening.pi}, {screening.rate_class}, {screening.sampling_reason} don't agree"
        within = routing.region(screening.score, low=screening.low, high=screening.high)
        route = routing.route(within, draw=screening.draw, fallback=screening.policy_version.rates.fallback)
        if route != screening.route:
            yield str(screening), f"route is {screening.route}, score and thresholds say {route}"


def _could_be_drawn(screening: Screening) -> bool:
    """Whether pi, class and reason come from one throw: this version's, or an earlier one's of the same epoch."""
    region = screening.rate_class.split(":")[0]
    within = routing.Route.REVIEW if region == routing.DOUBTED else routing.Route(region)
    rates = routing.Rates(approve=screening.pi, review=screening.pi, reject=screening.pi)
    return routing.draw(screening.u, within=within, rates=rates, doubted=bool(screening.doubt)) == screening.draw


def asked_people_have_tasks() -> Iterator[Finding]:
    asked = Screening.objects.live().filter(Q(route=routing.Route.REVIEW) | ~Q(sampling_reason="none"))
    for screening in asked.filter(tasks=None).iterator():
        yield str(screening), "a person is to look and there is no task"


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
        said = Opinions.on(screening)
        if said.outcome not in {screening.automatic_outcome, screening.newest}:  # type: ignore[attr-defined]
            yield f"screening {screening.pk}", f"{said.standing} on {screening.upload} has no effect"


def ledgers_equal_a_recount() -> Iterator[Finding]:
    yield from rollup.differences()


def certificates_follow_from_themselves_and_the_ledger() -> Iterator[Finding]:
    yield from certificates.unsound()


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


def each_upload_is_routed_once() -> Iterator[Finding]:
    """Under one policy by a score or by a hash list; that one of each is live, the database sees to."""
    screened = Screening.objects.live().filter(upload=OuterRef("upload"), policy=OuterRef("policy"))
    for match in HashMatch.objects.live().filter(Exists(screened)).select_related("upload", "policy").iterator():
        yield str(match.upload), f"routed under {match.policy} by a score and by a hash list"


def rows_have_their_file() -> Iterator[Finding]:
    for file in StoredFile.objects.filter(erased_at=None).iterator():
        try:
            content = file.path.read_bytes()
        except OSError as error:
            yield f"file {file}", f"cannot be read: {error.strerror}"
            continue
        if len(content) != file.size:
            yield f"file {file}", f"{len(content)} bytes, the record says {file.size}"
        elif hashlib.sha256(content).hexdigest() != file.sha256:
            yield f"file {file}", "other bytes than were received: the sha256 differs"


def classifiers_have_their_file() -> Iterator[Finding]:
    """Retired ones too: a score that cannot be repeated is none. Of the embedded one, where it is needed."""
    needed = Q(policy_versions__state=PolicyVersion.State.IN_FORCE)
    registered = Classifier.objects.filter(~Q(file_name="") | needed).distinct()
    for classifier in registered:
        try:
            path = embedded.open_nsfw()[1] if classifier.is_embedded else classifier.path
            found = hashlib.sha256(path.read_bytes()).hexdigest()
        except (OSError, ClassifierFileError) as error:
            yield f"classifier {classifier.name}", f"its file cannot be read: {error}"
            continue
        if found != classifier.sha256:
            yield f"classifier {classifier.name}", f"its file has sha256 {found}, registered is {classifier.sha256}"


def retired_classifiers_rule_nothing() -> Iterator[Finding]:
    in_force = PolicyVersion.objects.in_force().exclude(classifier__retired_at=None)
    for version in in_force.select_related("policy", "classifier"):
        yield str(version), f"in force with {version.classifier}, which is retired"
    shadows = Shadow.objects.open().exclude(classifier__retired_at=None)
    for shadow in shadows.select_related("policy", "classifier"):
        yield str(shadow), "still asked, and retired"


def undecided_tasks_have_renditions() -> Iterator[Finding]:
    for task in ReviewTask.objects.undecided().select_related("upload__file", "screening").iterator():
        for shot in task.film:
            for variant in (CLEAR, BLURRED):
                if not shot.rendition(task.upload.file.sha256, variant=variant).exists():
                    yield str(task), f"the {variant} rendition of frame {shot.frame} is missing"


def changes_have_their_audit_row() -> Iterator[Finding]:
    """Each tracked row is as its newest event says; a row that is tracked from the start has an event at all."""
    for event in apps.get_models():
        if issubclass(event, pghistory.models.Event) and event._meta.app_label == "moderation":
            yield from _rows_beside_their_history(event)


def _rows_beside_their_history(event: type[Model]) -> Iterator[Finding]:
    model: type[Model] = event.pgh_tracked_model  # type: ignore[attr-defined]
    names = {f.column for f in model._meta.concrete_fields} & {f.column for f in event._meta.concrete_fields}
    columns = sorted(name for name in names if name)
    row = ", ".join(f't."{name}"' for name in columns)
    last = ", ".join(f'e."{name}"' for name in columns)
    unrecorded = _changed_without_event(model)
    sql = f"""
        SELECT t."{model._meta.pk.column}", e.pgh_id IS NULL FROM "{model._meta.db_table}" t
        LEFT JOIN LATERAL (
            SELECT * FROM "{event._meta.db_table}" e WHERE e.pgh_obj_id = t."{model._meta.pk.column}"
            ORDER BY e.pgh_id DESC LIMIT 1
        ) e ON true
        WHERE (e.pgh_id IS NULL AND {unrecorded}) OR (e.pgh_id IS NOT NULL AND ({row}) IS DISTINCT FROM ({last}))
    """  # noqa: S608  (names come from the models)
    with connection.cursor() as cursor:
        cursor.execute(sql)
        for pk, missing in cursor.fetchall():
            yield f"{model._meta.verbose_name} {pk}", "no audit row" if missing else "differs from its newest audit row"


def _changed_without_event(model: type[Model]) -> str:
    """When a row without any event is a problem: always, but for rows whose insert is their own audit."""
    # What a ledger row says without any event, the recount checks.
    changed = {
        "Screening": "t.superseded", "Effect": "t.cancelled_at IS NOT NULL", "LedgerRow": "false",
        "Fingerprint": "false",  # nor does it say whether its cluster was another one
        "HashMatch": "t.superseded",
    }  # fmt: skip
    return changed.get(model.__name__, "true")


def sweepable_files() -> Iterator[Path]:
    """Files older than an hour that no row refers to; half-written ones too. No error: a killed intake leaves them."""
    for group in _batches(path for path in files.stored_files() if _is_old(path)):
        known = set(
            StoredFile.objects.filter(sha256__in=[_sha256_of(path) for path in group]).values_list("sha256", flat=True)
        )
        yield from (path for path in group if _sha256_of(path) not in known)


def _is_old(path: Path) -> bool:
    try:
        return path.stat().st_mtime < time.time() - SWEEPABLE_AFTER_SECONDS
    except FileNotFoundError:
        return False


def _sha256_of(path: Path) -> str:
    """The sha256 that a file's name begins with; temporary names begin with a dot and match nothing."""
    return path.name[:64]


def _batches(things: Iterable[Thing], *, size: int = 1000) -> Iterator[list[Thing]]:
    things = iter(things)
    while batch := list(islice(things, size)):
        yield batch


RULES: dict[str, Callable[[], Iterator[Finding]]] = {
    "each upload has the status that its record gives": uploads_have_the_status_of_their_record,
    "each decided task has exactly one live verdict": decided_tasks_have_one_live_verdict,
    "each screening has its score": screenings_have_their_score,
    "each score that is not trusted goes to a person": doubted_scores_go_to_a_person,
    "one score per file, classifier, preprocessing and label": files_have_one_score,
    "each near-duplicate belongs to a file that stands for itself": near_duplicates_belong_to_what_stands_for_itself,
    "each task that waits for a near-duplicate's verdict waits for a look": waiting_tasks_wait_for_a_look,
    "each linked decision follows its origin": linked_decisions_follow_their_origin,
    "each screening follows its coin and thresholds": screenings_follow_coin_and_thresholds,
    "where a person is asked there is a task": asked_people_have_tasks,
    "each automatic route has its effect": automatic_routes_have_an_effect,
    "each verdict that changes something has its effect": conclusive_verdicts_have_an_effect,
    "each ledger row equals a full recount of what it has read": ledgers_equal_a_recount,
    "each certificate follows from itself and from its days": certificates_follow_from_themselves_and_the_ledger,
    "each effect does what was decided": effects_do_what_was_decided,
    "what was undone has no effect any more": undone_effects_are_reversed,
    "each upload is routed once under each policy": each_upload_is_routed_once,
    "each match with a hash list is what its entry says": soundness.matches_fit_their_entries,
    "each contested entry of a hash list decides nothing": soundness.contested_entries_decide_nothing,
    "each entry of a hash list stands as people said last": soundness.entries_stand_as_was_said,
    "each row has its file with its size and sha256": rows_have_their_file,
    "each classifier has its file with its sha256": classifiers_have_their_file,
    "no retired classifier rules or scores along": retired_classifiers_rule_nothing,
    "each undecided task has its renditions": undecided_tasks_have_renditions,
    "each change of a mutable row has its audit row": changes_have_their_audit_row,
}
COUNTED: tuple[type[Model], ...] = (Upload, StoredFile, Score, Screening, HashMatch, ReviewTask, Decision, Effect)
