"""Verify the invariants of the record and of storage. Reads everything and changes nothing.

Each rule is one entry of `RULES`: a sentence, and a function that yields a finding for each row or file that breaks
it. A rule reads rows in batches, so that it costs a bounded number of statements per thousand rows.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from django.db.models import Model

from moderation.models import Decision, Effect, HashMatch, ReviewTask, Score, Screening, StoredFile, Upload
from moderation.tuning import certificates, rollup
from moderation.verification import (
    exposures,
    hash_lists,
    history,
    outcomes,
    protection,
    reviews,
    scores,
    stored_files,
)
from moderation.verification.findings import Finding
from moderation.verification.stored_files import sweep

__all__ = ["RULES", "BrokenRule", "Findings", "sweep", "verify"]


@dataclass(frozen=True)
class BrokenRule:
    """One broken invariant: the rule, the row or file, and the problem found."""

    rule: str
    what: str
    found: str


@dataclass
class Findings:
    """The result of one verification."""

    problems: list[BrokenRule] = field(default_factory=list)
    #: Files without a row, which `sweep()` removes; they are not problems.
    sweepable: list[Path] = field(default_factory=list)
    #: The number of rows checked, by model.
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
    """Check every rule in turn. `on_rule` is called with each rule before it is checked."""
    findings = Findings(sweepable=list(stored_files.sweepable_files()))
    for rule, check in RULES.items():
        on_rule(rule)
        findings.problems += [BrokenRule(rule, what, found) for what, found in check()]
    findings.checked = {model._meta.label: model._default_manager.count() for model in COUNTED}
    return findings


RULES: dict[str, Callable[[], Iterable[Finding]]] = {
    "each upload has the status that its record gives": outcomes.uploads_have_the_status_of_their_record,
    "each decided task has exactly one live verdict": reviews.decided_tasks_have_one_live_verdict,
    "each screening has its score": scores.screenings_have_their_score,
    "each untrusted score goes to a person": scores.untrusted_scores_go_to_a_person,
    "one score per file, classifier, preprocessing and label": scores.files_have_one_score,
    "each near-duplicate belongs to a file that represents itself": reviews.near_duplicates_belong_to_a_cluster,
    "each task that waits for a near-duplicate's verdict waits for a review": reviews.waiting_tasks_wait_for_a_review,
    "each linked decision follows its origin": reviews.linked_decisions_follow_their_origin,
    "each screening follows its coin and thresholds": scores.screenings_follow_coin_and_thresholds,
    "each screening that needs a person has a task": reviews.screenings_that_need_a_person_have_tasks,
    "each automatic route has its effect": outcomes.automatic_routes_have_an_effect,
    "each verdict that changes something has its effect": outcomes.conclusive_verdicts_have_an_effect,
    "each ledger row equals a full recount of the rows it has read": rollup.differences,
    "each certificate follows from its own figures and from its days": certificates.unsound,
    "each effect does what was decided": outcomes.effects_do_what_was_decided,
    "no undone decision has an effect any more": outcomes.undone_effects_are_reversed,
    "each upload is routed once under each policy": outcomes.each_upload_is_routed_once,
    "each match with a hash list agrees with its entry": hash_lists.matches_fit_their_entries,
    "no contested entry of a hash list decides anything": hash_lists.contested_entries_decide_nothing,
    "each entry of a hash list has the state of its latest review": hash_lists.entries_have_the_state_of_their_review,
    "each row has its file with its size and sha256": stored_files.rows_have_their_file,
    "each classifier has its file with its sha256": stored_files.classifiers_have_their_file,
    "no retired classifier is active or in shadow mode": scores.retired_classifiers_score_nothing,
    "each undecided task has its renditions": reviews.undecided_tasks_have_renditions,
    "each change of a mutable row has its audit row": history.changes_have_their_audit_row,
    "each group and permission of a person has its event": history.memberships_have_their_event,
    "each verdict agrees with the exposures on whether the image was revealed": exposures.verdicts_agree_with_exposures,
    "each trigger that protects the record is enabled": protection.triggers_are_installed_and_enabled,
}
COUNTED: tuple[type[Model], ...] = (Upload, StoredFile, Score, Screening, HashMatch, ReviewTask, Decision, Effect)
