"""From screenings and decisions to the thresholds that belong to them.

`counts` and `publishing` need no verdict; `csv_trial` checks the statistics on labelled rows, which
`csv_rows` reads from a file.
"""

from moderation.tuning.counts import WINDOW, ScoreCounts, Shares, score_counts, step
from moderation.tuning.publishing import (
    DraftedMeanwhile,
    PublishedMeanwhile,
    audit_verdicts,
    draft_mark,
    draft_of,
    in_force,
    proposed,
    publish,
    roll_back,
    save_draft,
)
from moderation.tuning.safeguards import Confirmation, ConfirmationMissing, SecondPersonNeeded, confirmation_for

__all__ = [
    "WINDOW",
    "Confirmation",
    "ConfirmationMissing",
    "DraftedMeanwhile",
    "PublishedMeanwhile",
    "ScoreCounts",
    "SecondPersonNeeded",
    "Shares",
    "audit_verdicts",
    "confirmation_for",
    "draft_mark",
    "draft_of",
    "in_force",
    "proposed",
    "publish",
    "roll_back",
    "save_draft",
    "score_counts",
    "step",
]
