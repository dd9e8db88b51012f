"""Whether one more person has to decide, and who. Pure rules over the live verdicts on a screening."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from moderation.models.decisions import OBJECTION_SOURCES, Decision, Verdict
from moderation.review.standing import MAX_REVIEWERS, Given, Standing
from moderation.routing import SamplingReason

# The verdict of an audit that a second person has to confirm: false alarms of one person would spoil the evidence.
TO_BE_CONFIRMED = {
    SamplingReason.AUDIT_APPROVE: Verdict.VIOLATING,
    SamplingReason.AUDIT_REJECT: Verdict.BENIGN,
}


@dataclass(frozen=True, kw_only=True)
class VerdictTally:
    """The live verdicts on one screening, counted.

    Attributes:
        standing: what they come to.
        is_empty: whether nobody has given a verdict yet.
    """

    standing: Standing
    sampling_reason: SamplingReason
    is_empty: bool

    @classmethod
    def from_verdicts(
        cls, given: Iterable[Given], *, automatic_outcome: str, fallback: str, sampling_reason: SamplingReason
    ) -> "VerdictTally":
        """Count ``given``, oldest first."""
        given = list(given)
        standing = Standing.after(given, automatic_outcome=automatic_outcome, fallback=fallback)
        return cls(standing=standing, sampling_reason=sampling_reason, is_empty=not given)

    @property
    def consensus(self) -> Verdict | None:
        """The verdict that stands; None where nobody was conclusive."""
        return self.standing.verdict

    @property
    def votes(self) -> Counter[str]:
        """Verdicts of the sample, counted."""
        return self.standing.votes

    @property
    def outcome(self) -> str:
        """What the record asks for now: approve, reject or hold."""
        return self.standing.outcome

    @property
    def final(self) -> Verdict | None:
        """The consensus, once no further person has to confirm it."""
        return None if self.needs_another else self.consensus

    @property
    def nobody_can_tell(self) -> bool:
        return self.standing.nobody_can_tell

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
            now = tally.standing
            return cls(needed=now.asks_about_objection, by_lead=now.asks_lead_about_objection)
        if kind == Decision.Source.GOLD:
            return cls(needed=False, by_lead=False)
        return cls(needed=tally.needs_another, by_lead=tally.needs_lead)
