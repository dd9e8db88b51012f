"""Several opinions on one screening: what stands, and whether another person is to be asked."""

from collections import Counter
from dataclasses import dataclass

from moderation.models.decisions import CONCLUSIVE, OBJECTION_SOURCES, OUTCOMES, Decision, Verdict, consensus
from moderation.models.screenings import Screening
from moderation.routing import SamplingReason

# Cannot tell: a second person, then a lead.
ASKED_AT_MOST = 3
# The verdict of an audit that a second person confirms: false alarms of one person alone would spoil the evidence.
TO_BE_CONFIRMED = {
    SamplingReason.AUDIT_APPROVE: Verdict.VIOLATING,
    SamplingReason.AUDIT_REJECT: Verdict.BENIGN,
}


@dataclass(frozen=True, kw_only=True)
class VerdictTally:
    """The live verdicts on a screening, counted, and the verdict that stands.

    ``votes`` are those of sample tasks; ``unsure_again`` counts who could not tell of a report or an appeal, since the
    last one that was answered.
    """

    screening: Screening
    votes: Counter[str]
    unsure_again: int
    consensus: Verdict | None

    @classmethod
    def on(cls, screening: Screening) -> "VerdictTally":
        live = Decision.objects.live().verdicts().that_count().filter(screening=screening).order_by("pk")
        said = list(live.values_list("verdict", "source"))
        return cls(
            screening=screening,
            votes=Counter(verdict for verdict, source in said if source == Decision.Source.SAMPLE),
            unsure_again=_unsure_again(said),
            consensus=consensus([(verdict, source) for verdict, source in said if verdict in CONCLUSIVE]),
        )

    @property
    def outcome(self) -> str:
        """What the record asks for now: approve, reject or hold."""
        if self.consensus:
            return OUTCOMES[self.consensus]
        if self.screening.automatic_outcome == "hold" and self.nobody_can_tell:
            return self.screening.policy_version.fallback
        return self.screening.automatic_outcome

    @property
    def anything(self) -> bool:
        """Whether anybody has given a verdict."""
        return bool(self.votes or self.consensus)

    @property
    def nobody_can_tell(self) -> bool:
        return self.votes[Verdict.CANNOT_TELL] >= ASKED_AT_MOST

    @property
    def needs_lead(self) -> bool:
        return self.votes[Verdict.CANNOT_TELL] == ASKED_AT_MOST - 1

    @property
    def needs_another(self) -> bool:
        """Whether what was said so far leaves something open that one more person may settle."""
        if self.nobody_can_tell:
            return False
        return self._is_open if self.consensus else self.votes[Verdict.CANNOT_TELL] > 0

    @property
    def _is_open(self) -> bool:
        """An audit whose verdict is unconfirmed, or a tie."""
        alarm = TO_BE_CONFIRMED.get(SamplingReason(self.screening.sampling_reason))
        if alarm is None:
            return False
        alarms, others = self.votes[alarm], self.votes[Verdict.VIOLATING] + self.votes[Verdict.BENIGN]
        others -= alarms
        if not alarms + others:
            return False  # what stands was decided outside the sample, or carried over
        return others <= alarms <= max(others, 1)


@dataclass(frozen=True, kw_only=True)
class Escalation:
    """Whether one more person is to be asked, and whether it has to be a lead."""

    needed: bool
    by_lead: bool

    @classmethod
    def after(cls, said: VerdictTally, *, kind: str) -> "Escalation":
        """What is left open by a verdict on a task of this kind."""
        if kind in OBJECTION_SOURCES:
            unsure = said.unsure_again
            return cls(needed=0 < unsure < ASKED_AT_MOST, by_lead=unsure == ASKED_AT_MOST - 1)
        if kind == Decision.Source.GOLD:
            return cls(needed=False, by_lead=False)
        return cls(needed=said.needs_another, by_lead=said.needs_lead)


def _unsure_again(said: list[tuple[str, str]]) -> int:
    unsure = 0
    for verdict, source in said:
        if source in OBJECTION_SOURCES:
            unsure = unsure + 1 if verdict == Verdict.CANNOT_TELL else 0
    return unsure
