"""How many verdicts of the sample are no labels because their person could have seen the score."""

from dataclasses import asdict, dataclass

from django.db.models import Count, Q

from moderation.formatting import counted
from moderation.models import Decision, Epoch


@dataclass(frozen=True, kw_only=True)
class LabelBlindness:
    """Verdicts of an epoch's sample that were not blind, and blind ones that were undone after their grace period."""

    not_blind: int
    undone_late: int

    @property
    def summary(self) -> str:
        if not self.not_blind and not self.undone_late:
            return "All verdicts were blind, and none was undone after its grace period."
        return (
            f"Not blind, so no label: {counted(self.not_blind, 'verdict')}. Undone after the grace period, so a label "
            f"until a blind one replaces it: {counted(self.undone_late, 'verdict')}."
        )

    def as_json(self) -> dict[str, int]:
        return asdict(self)


def count_blindness(epoch: Epoch) -> LabelBlindness:
    """Count over the verdicts and undos of the epoch that are not blind, which are few."""
    rows = Decision.objects.filter(blind=False, screening__epoch=epoch)  # uses decision_not_blind_idx
    sample = Decision.Source.SAMPLE
    return LabelBlindness(
        **rows.aggregate(
            not_blind=Count("pk", filter=Q(kind=Decision.Kind.VERDICT, source=sample)),
            undone_late=Count("pk", filter=Q(kind=Decision.Kind.UNDO, supersedes__source=sample)),
        )
    )
