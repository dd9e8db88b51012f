"""The agreement of moderators. Below a limit their verdicts prove nothing, and no certificate is issued.

It is measured on verdicts that nobody's earlier verdict called for: on the same bytes in several uploads, and on gold
items. Second opinions on audits are left out. They follow an alarming verdict only, so they would measure agreement on
difficult pictures among rare ones.
"""

from dataclasses import dataclass

import numpy as np

from moderation.models import Epoch, OpinionCount
from moderation.statistics.agreement import AgreementCoefficient, alpha_of_counts, pairwise_agreement
from moderation.statistics.regions import LABELS_TO_SHOW

REFUSED_BELOW = 0.667
WARNED_BELOW = 0.80


@dataclass(frozen=True, kw_only=True)
class ModeratorAgreement:
    """Krippendorff's alpha over ``files`` with verdicts of at least two people; None if it is not defined."""

    alpha: AgreementCoefficient | None
    percent: float | None
    files: int

    @property
    def measured(self) -> bool:
        return self.alpha is not None and self.files >= LABELS_TO_SHOW

    @property
    def refusal(self) -> str:
        """The reason why nothing is certified; empty if agreement is sufficient or not measured."""
        if not self.measured or self.alpha is None or self.alpha.value >= REFUSED_BELOW:
            return ""
        return f"Moderators agree too little: {self.summary}. A certificate needs {REFUSED_BELOW}."

    @property
    def warning(self) -> str:
        """The warning to show beside estimates; empty if agreement is good or not measured."""
        if not self.measured or self.alpha is None or self.alpha.value >= WARNED_BELOW:
            return ""
        return f"Moderators agree little: {self.summary}. Below {REFUSED_BELOW} nothing is certified."

    @property
    def summary(self) -> str:
        """The measured agreement in a phrase, or how many files are needed to measure it."""
        if self.alpha is None or not self.measured:
            needed = f"{self.files} of the {LABELS_TO_SHOW} pictures needed"
            return f"not measured, because only {needed} have verdicts of several people"
        limits = "" if self.alpha.low is None else f" ({self.alpha.low:.2f} to {self.alpha.high:.2f})"
        return f"alpha is {self.alpha.value:.2f}{limits} on {self.files:,} pictures"

    def as_json(self) -> dict[str, object]:
        alpha = self.alpha if self.measured else None
        return {
            "alpha": alpha and alpha.value,
            "low": alpha and alpha.low,
            "high": alpha and alpha.high,
            "percent": self.percent if self.measured else None,
            "n": self.files,
        }


def measure_agreement(epoch: Epoch) -> ModeratorAgreement:
    """Return the agreement of moderators over the epoch's first opinions."""
    rows = OpinionCount.objects.filter(epoch=epoch, files__gt=0).values_list("violating", "benign", "files")
    patterns = np.array(list(rows), dtype=np.int64).reshape(-1, 3)
    counts = np.repeat(patterns[:, :2], patterns[:, 2], axis=0)
    return ModeratorAgreement(alpha=alpha_of_counts(counts), percent=pairwise_agreement(counts), files=len(counts))
