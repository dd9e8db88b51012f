"""Which verdict stands on a screening. Pure rules over the live verdicts: not undone, not overruled, not on gold.

The majority of the sample stands; in a tie the first verdict, until a third person breaks it. A verdict from outside
the sample (on a report or an appeal, or carried over from the same picture) stands above the sample, and the last one
of those above the others.

One verdict on a report or an appeal rejects an upload, or approves one that nobody has rejected. Lifting a rejection
takes two people, and one of them has to be a lead where a lead rejected: no single account undoes what others decided.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from moderation.models.decisions import CONCLUSIVE, OBJECTION_SOURCES, OUTCOMES, Decision, Verdict

# Where people cannot tell: a first person, a second one, then a lead.
MAX_REVIEWERS = 3
# How many people have to find an objection to a rejection right.
PEOPLE_TO_LIFT = 2


class Given(NamedTuple):
    """One live verdict, and whether a lead gave it."""

    verdict: str
    source: str
    by_lead: bool = False


@dataclass(kw_only=True)
class Standing:
    """What the live verdicts on one screening come to, read in their order.

    Attributes:
        automatic_outcome: what the machine did: approve, reject or hold.
        fallback: what happens to a held upload where nobody can tell.
        sample: the verdicts of the sample so far.
        outside: the verdict from outside the sample that stands.
        rejecting: the verdicts that the rejection rests on; empty where the machine rejected.
        lifting: benign verdicts on objections to the rejection that do not lift it yet.
        unsure: how many people in a row could not tell about an objection that is still open.
    """

    automatic_outcome: str
    fallback: str
    sample: list[Given] = field(default_factory=list)
    outside: Verdict | None = None
    rejecting: list[Given] = field(default_factory=list)
    lifting: list[Given] = field(default_factory=list)
    unsure: int = 0

    @classmethod
    def after(cls, given: Iterable[Given], *, automatic_outcome: str, fallback: str) -> "Standing":
        """Read the live verdicts, oldest first."""
        standing = cls(automatic_outcome=automatic_outcome, fallback=fallback)
        for each in given:
            standing._read(each)
        return standing

    @property
    def verdict(self) -> Verdict | None:
        """The verdict that stands; None where nobody was conclusive."""
        return self.outside or self._majority

    @property
    def votes(self) -> Counter[str]:
        """Verdicts of the sample, counted."""
        return Counter(verdict for verdict, *_ in self.sample)

    @property
    def outcome(self) -> str:
        """What the record asks for now: approve, reject or hold."""
        if self.verdict is not None:
            return OUTCOMES[self.verdict]
        return self.fallback if self.automatic_outcome == "hold" and self.nobody_can_tell else self.automatic_outcome

    @property
    def nobody_can_tell(self) -> bool:
        return self.votes[Verdict.CANNOT_TELL] >= MAX_REVIEWERS

    @property
    def asks_about_objection(self) -> bool:
        """Whether one more person has to review because of an objection."""
        return bool(self.lifting) or self.unsure > 0

    @property
    def asks_lead_about_objection(self) -> bool:
        """Whether that person has to be a lead: nobody else could tell, or a lead rejected and none lifts it yet."""
        rejected_by_lead = any(each.by_lead for each in self.rejecting)
        lead_is_missing = bool(self.lifting) and rejected_by_lead and not any(each.by_lead for each in self.lifting)
        return lead_is_missing or self.unsure == MAX_REVIEWERS - 1

    @property
    def _majority(self) -> Verdict | None:
        votes = Counter(verdict for verdict, *_ in self.sample if verdict in CONCLUSIVE)
        # Among equal counts, the verdict that was met first.
        return Verdict(votes.most_common(1)[0][0]) if votes else None

    def _read(self, each: Given) -> None:
        if each.source == Decision.Source.SAMPLE:
            self._count(each)
        elif each.verdict == Verdict.CANNOT_TELL:
            self._ask_the_next(each)
        elif each.source in OBJECTION_SOURCES and each.verdict == Verdict.BENIGN and self.outcome == "reject":
            self._lift(each)
        else:
            self._settle(each)

    def _count(self, each: Given) -> None:
        self.sample.append(each)
        if self.outside is None and each.verdict == Verdict.VIOLATING:
            self.rejecting.append(each)

    def _ask_the_next(self, each: Given) -> None:
        if each.source in OBJECTION_SOURCES:
            self.unsure += 1
        if self.unsure == MAX_REVIEWERS:
            self.unsure, self.lifting = 0, []  # nobody could tell: what stood stays

    def _lift(self, each: Given) -> None:
        self.unsure = 0
        self.lifting.append(each)
        if len(self.lifting) >= PEOPLE_TO_LIFT and not self.asks_lead_about_objection:
            self._settle(each)

    def _settle(self, each: Given) -> None:
        kept = self.rejecting if self.outcome == "reject" else []
        self.rejecting = [*kept, each] if each.verdict == Verdict.VIOLATING else []
        self.outside = Verdict(each.verdict)
        self.unsure, self.lifting = 0, []
