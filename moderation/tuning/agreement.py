"""How far moderators agree: below a limit their verdicts prove nothing.

Measured on what several people judged without one verdict having called for the next: the same bytes in several
uploads, and gold items. Second opinions on audits are left out: they are asked for after an alarm only, and would
show how people agree about the doubtful pictures among rare ones.
"""

from dataclasses import dataclass

import numpy as np

from moderation.models import Epoch, OpinionCount
from moderation.statistics.agreement import Coefficient, alpha_of_counts, pairwise_agreement
from moderation.statistics.regions import LABELS_TO_SHOW

REFUSED_BELOW = 0.667
WARNED_BELOW = 0.80


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Krippendorff's alpha over ``files`` that two people or more judged; None where it is not defined."""

    alpha: Coefficient | None
    percent: float | None
    files: int

    @property
    def measured(self) -> bool:
        return self.alpha is not None and self.files >= LABELS_TO_SHOW

    @property
    def refusal(self) -> str:
        """Why nothing is certified; empty where agreement is no obstacle."""
        if not self.measured or self.alpha is None or self.alpha.value >= REFUSED_BELOW:
            return ""
        return f"Moderators agree too little: {self.words}; {REFUSED_BELOW} is needed."

    @property
    def warning(self) -> str:
        if not self.measured or self.alpha is None or self.alpha.value >= WARNED_BELOW:
            return ""
        return f"Moderators agree little: {self.words}. Below {REFUSED_BELOW} nothing is certified."

    @property
    def words(self) -> str:
        if self.alpha is None or not self.measured:
            return f"not measured: {self.files} of at least {LABELS_TO_SHOW} pictures were judged by several people"
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


def agreement(epoch: Epoch) -> Agreement:
    rows = OpinionCount.objects.filter(epoch=epoch, files__gt=0).values_list("violating", "benign", "files")
    patterns = np.array(list(rows), dtype=np.int64).reshape(-1, 3)
    counts = np.repeat(patterns[:, :2], patterns[:, 2], axis=0)
    return Agreement(alpha=alpha_of_counts(counts), percent=pairwise_agreement(counts), files=len(counts))
