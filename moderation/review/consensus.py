"""Which verdict stands, and whether one more person has to decide. Pure rules over what was said.

A verdict is given as (verdict, source), oldest first; only live ones count: not undone, not overruled, not on gold.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from moderation.models.decisions import CONCLUSIVE, OBJECTION_SOURCES, OUTCOMES, Decision, Verdict
from moderation.routing import SamplingReason

Given = tuple[str, str]

# Where people cannot tell: a first person, a second one, then a lead.
MAX_REVIEWERS = 3
# The verdict of an audit that a second person has to confirm: false alarms of one person would spoil the evidence.
TO_BE_CONFIRMED = {
    SamplingReason.AUDIT_APPROVE: Verdict.VIOLATING,
    SamplingReason.AUDIT_REJECT: Verdict.BENIGN,
}


def consensus(given: Sequence[Given]) -> Verdict | None:
    """Return the verdict that stands among a screening's live verdicts; None where nobody was conclusive.

    The majority of the sample stands; in a tie the first one, until a third person breaks it. A verdict from outside
    the sample (an appeal, for example) stands above the sample, and the last one of those above the others.
    """
    conclusive = [(verdict, source) for verdict, source in given if verdict in CONCLUSIVE]
    if outside := [verdict for verdict, source in conclusive if source != Decision.Source.SAMPLE]:
        return Verdict(outside[-1])
    if not conclusive:
        return None
    votes = Counter(verdict for verdict, _ in conclusive)
    # Among equal counts, the verdict that was met first.
    return Verdict(votes.most_common(1)[0][0])


@dataclass(frozen=True, kw_only=True)
class VerdictTally:
    """The live verdicts on one screening, counted.

    Attributes:
        automatic_outcome: what the machine did: approve, reject or hold.
        fallback: what happens to a held upload where nobody can tell.
        votes: verdicts of the sample, counted.
        consensus: the verdict that stands.
        unsure_about_objection: how many people in a row could not tell about a report or an appeal.
    """

    automatic_outcome: str
    fallback: str
    sampling_reason: SamplingReason
    votes: Counter[str]
    consensus: Verdict | None
    unsure_about_objection: int

    @classmethod
    def from_verdicts(
        cls, given: Sequence[Given], *, automatic_outcome: str, fallback: str, sampling_reason: SamplingReason
    ) -> "VerdictTally":
        return cls(
            automatic_outcome=automatic_outcome,
            fallback=fallback,
            sampling_reason=sampling_reason,
            votes=Counter(verdict for verdict, source in given if source == Decision.Source.SAMPLE),
            consensus=consensus(given),
            unsure_about_objection=_unsure_about_objection(given),
        )

    @property
    def outcome(self) -> str:
        """What the record asks for now: approve, reject or hold."""
        if self.consensus:
            return OUTCOMES[self.consensus]
        if self.automatic_outcome == "hold" and self.nobody_can_tell:
            return self.fallback
        return self.automatic_outcome

    @property
    def final(self) -> Verdict | None:
        """The consensus, once no further person has to confirm it."""
        return None if self.needs_another else self.consensus

    @property
    def is_empty(self) -> bool:
        """Whether nobody has given a verdict yet."""
        return not self.votes and self.consensus is None

    @property
    def nobody_can_tell(self) -> bool:
        return self.votes[Verdict.CANNOT_TELL] >= MAX_REVIEWERS

    @property
    def needs_lead(self) -> bool:
        return self.votes[Verdict.CANNOT_TELL] == MAX_REVIEWERS - 1

    @property
    def needs_another(self) -> bool:
        """Whether one more person may settle a question that the verdicts so far leave open."""
        if self.nobody_can_tell:
            return False
        return self._is_unconfirmed if self.consensus else self.votes[Verdict.CANNOT_TELL] > 0

    @property
    def _is_unconfirmed(self) -> bool:
        """Whether the sample of an audit holds an alarm that nobody confirmed, or a tie."""
        alarm = TO_BE_CONFIRMED.get(self.sampling_reason)
        if alarm is None:
            return False
        alarms = self.votes[alarm]
        others = self.votes[Verdict.VIOLATING] + self.votes[Verdict.BENIGN] - alarms
        if not alarms + others:
            return False  # the consensus comes from outside the sample, or was taken over
        return others <= alarms <= max(others, 1)


@dataclass(frozen=True, kw_only=True)
class Escalation:
    """Whether one more person has to decide, and whether that has to be a lead."""

    needed: bool
    by_lead: bool

    @classmethod
    def after(cls, tally: VerdictTally, *, kind: str) -> "Escalation":
        """Return what a verdict on a task of this kind leaves open."""
        if kind in OBJECTION_SOURCES:
            unsure = tally.unsure_about_objection
            return cls(needed=0 < unsure < MAX_REVIEWERS, by_lead=unsure == MAX_REVIEWERS - 1)
        if kind == Decision.Source.GOLD:
            return cls(needed=False, by_lead=False)
        return cls(needed=tally.needs_another, by_lead=tally.needs_lead)


def _unsure_about_objection(given: Sequence[Given]) -> int:
    unsure = 0
    for verdict, source in given:
        if source in OBJECTION_SOURCES:
            unsure = unsure + 1 if verdict == Verdict.CANNOT_TELL else 0
    return unsure
