"""Does the record hold together, and does storage hold what the record says? Reads everything, changes nothing."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from django.db.models import Model

from moderation.models import Decision, Effect, HashMatch, ReviewTask, Score, Screening, StoredFile, Upload
from moderation.tuning import certificates, rollup
from moderation.verification import hash_lists, history, outcomes, reviews, scores, stored_files
from moderation.verification.findings import Finding
from moderation.verification.stored_files import sweep

__all__ = ["RULES", "Findings", "Problem", "sweep", "verify"]


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
    findings = Findings(sweepable=list(stored_files.sweepable_files()))
    for rule, check in RULES.items():
        on_rule(rule)
        findings.problems += [Problem(rule, what, found) for what, found in check()]
    findings.checked = {model._meta.label: model._default_manager.count() for model in COUNTED}
    return findings


RULES: dict[str, Callable[[], Iterable[Finding]]] = {
    "each upload has the status that its record gives": outcomes.uploads_have_the_status_of_their_record,
    "each decided task has exactly one live verdict": reviews.decided_tasks_have_one_live_verdict,
    "each screening has its score": scores.screenings_have_their_score,
    "each score that is not trusted goes to a person": scores.untrusted_scores_go_to_a_person,
    "one score per file, classifier, preprocessing and label": scores.files_have_one_score,
    "each near-duplicate belongs to a file that stands for itself": reviews.near_duplicates_belong_to_a_cluster,
    "each task that waits for a near-duplicate's verdict waits for a look": reviews.waiting_tasks_wait_for_a_look,
    "each linked decision follows its origin": reviews.linked_decisions_follow_their_origin,
    "each screening follows its coin and thresholds": scores.screenings_follow_coin_and_thresholds,
    "where a person is asked there is a task": reviews.asked_people_have_tasks,
    "each automatic route has its effect": outcomes.automatic_routes_have_an_effect,
    "each verdict that changes something has its effect": outcomes.conclusive_verdicts_have_an_effect,
    "each ledger row equals a full recount of what it has read": rollup.differences,
    "each certificate follows from itself and from its days": certificates.unsound,
    "each effect does what was decided": outcomes.effects_do_what_was_decided,
    "what was undone has no effect any more": outcomes.undone_effects_are_reversed,
    "each upload is routed once under each policy": outcomes.each_upload_is_routed_once,
    "each match with a hash list is what its entry says": hash_lists.matches_fit_their_entries,
    "each contested entry of a hash list decides nothing": hash_lists.contested_entries_decide_nothing,
    "each entry of a hash list stands as people said last": hash_lists.entries_stand_as_was_said,
    "each row has its file with its size and sha256": stored_files.rows_have_their_file,
    "each classifier has its file with its sha256": stored_files.classifiers_have_their_file,
    "no retired classifier rules or scores along": scores.retired_classifiers_rule_nothing,
    "each undecided task has its renditions": reviews.undecided_tasks_have_renditions,
    "each change of a mutable row has its audit row": history.changes_have_their_audit_row,
}
COUNTED: tuple[type[Model], ...] = (Upload, StoredFile, Score, Screening, HashMatch, ReviewTask, Decision, Effect)
