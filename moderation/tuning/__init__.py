"""From screenings and decisions to the thresholds that belong to them.

`counts` and `publishing` need no verdict; `csv_trial` checks the statistics on labelled rows, which
`csv_rows` reads from a file.
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
