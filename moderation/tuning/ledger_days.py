"""The closed days of an epoch's ledger: all that evidence may rest on."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce
from operator import add

import numpy as np
from django.db.models import Sum

from moderation.models import Epoch, LedgerDay, LedgerRow
from moderation.routing import UNTRUSTED
from moderation.statistics.ledger import Ledger
from moderation.tuning.evidence import EDGES

# The statistics take no probability of 0: a class that no coin reaches has no labels, and lies below every floor.
NEVER = 1e-12

#: Key, bin, class of uploads, pi; then how many uploads, labelled, violating and missing.
Row = tuple[int, int, str, float, int, int, int, int]


@dataclass(frozen=True, kw_only=True)
class ClosedDay:
    day: date
    ledger: Ledger


def closed_days(epoch: Epoch) -> list[ClosedDay]:
    """The epoch's closed days in order, up to the first open one; groups summed, all over the same rate classes."""
    days = LedgerDay.objects.closed_prefix(epoch)
    rows = list(
        LedgerRow.objects.filter(day__in=days)
        .values_list("day_id", "bin", "region", "pi")
        .annotate(*(Sum(name) for name in ("uploads", "labelled", "violating", "missing")))
    )
    return [
        ClosedDay(day=day.day, ledger=ledger)
        for day, ledger in zip(days, ledgers(rows, [day.pk for day in days]), strict=True)
    ]


def ledgers(rows: Sequence[Row], keys: Sequence[int]) -> list[Ledger]:
    """One ledger for each key, all over the same rate classes; a row is of one key, bin, class of uploads and pi."""
    classes = sorted({(pi, name) for _, _, name, pi, *_ in rows})
    column = {key: k for k, key in enumerate(classes)}
    tables: dict[int, np.typing.NDArray[np.float64]] = defaultdict(
        lambda: np.zeros((4, len(EDGES) - 1, max(len(classes), 1)))
    )
    for key, bin_, name, pi, *counts in rows:
        tables[key][:, bin_, column[pi, name]] += counts
    pis = [max(pi, NEVER) for pi, _ in classes] or [1.0]
    # A class is named by its region, or as "region:rate".
    untrusted = [name.partition(":")[0] == UNTRUSTED for _, name in classes] or [False]
    return [_ledger(tables[key], pis, untrusted) for key in keys]


def _ledger(table: np.typing.NDArray[np.float64], pis: Sequence[float], untrusted: Sequence[bool]) -> Ledger:
    uploads, labelled, violating, missing = table
    return Ledger(EDGES, uploads, labelled, violating, pis, missing, untrusted)


def total(days: Sequence[ClosedDay]) -> Ledger:
    """All of ``days``, one at least, in one ledger."""
    return reduce(add, (day.ledger for day in days))
