"""Reads the published tables beside the tests, and makes small ledgers."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from moderation.statistics.ledger import Ledger

TABLES = Path(__file__).parent / "tables"


def read_table(name: str) -> Any:
    return json.loads((TABLES / f"{name}.json").read_text())


def dress_scores() -> tuple[Any, Any]:
    """Return (violating, scores) of the 3,781 labelled photos."""
    rows = np.loadtxt(TABLES / "scores_dress.csv", delimiter=",", skiprows=1)
    return rows[:, 1], rows[:, 2]


def three_bins(uploads: Any, labelled: Any, violating: Any, *, pi: Any, **more: Any) -> Ledger:
    """Return a ledger with one bin below low = 0.1, one in the band and one from high = 0.9."""
    return Ledger([0, 0.1, 0.9, 1], uploads, labelled, violating, pi, **more)


def plain_ledger(**changes: Any) -> Ledger:
    """Return 1,000 approved uploads (5 of 100 audits violate), 200 reviewed (60), 100 rejected (45 of 50 audits)."""
    columns = {
        "uploads": [[1000, 0, 0], [0, 200, 0], [0, 0, 100]],
        "labelled": [[100, 0, 0], [0, 200, 0], [0, 0, 50]],
        "violating": [[5, 0, 0], [0, 60, 0], [0, 0, 45]],
        "pi": [0.1, 1.0, 0.5],
    }
    return three_bins(**(columns | changes))
