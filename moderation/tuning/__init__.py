"""From what was screened and decided to where thresholds belong.

`counts` and `publishing` need no verdict; `trial` checks the statistics on anybody's labelled rows.
"""

from moderation.tuning.counts import WINDOW, ScoreCounts, Shares, score_counts, step
from moderation.tuning.publishing import (
    PublishedMeanwhile,
    audit_verdicts,
    draft_of,
    in_force,
    proposed,
    publish,
    roll_back,
    save_draft,
)

__all__ = [
    "WINDOW",
    "PublishedMeanwhile",
    "ScoreCounts",
    "Shares",
    "audit_verdicts",
    "draft_of",
    "in_force",
    "proposed",
    "publish",
    "roll_back",
    "save_draft",
    "score_counts",
    "step",
]
