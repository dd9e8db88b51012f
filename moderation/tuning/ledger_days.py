"""The closed days of an epoch's ledger, the only days that evidence may rest on."""

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

# Stands for pi = 0, which the statistics refuse. A class that is never drawn is below any floor.
NEVER_DRAWN = 1e-12

#: Key, bin, rate class or region, pi; then the counts of uploads, labelled, violating and missing.
LedgerCounts = tuple[int, int, str, float, int, int, int, int]


@dataclass(frozen=True, kw_only=True)
class ClosedDay:
    """A closed day (in UTC) and its counts."""

    day: date
    ledger: Ledger


def closed_days(epoch: Epoch) -> list[ClosedDay]:
    """Return the epoch's closed days in order, up to the first open day.

    Groups are summed. All ledgers have the same rate classes, so days can be added.
    """
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


def ledgers(rows: Sequence[LedgerCounts], keys: Sequence[int]) -> list[Ledger]:
    """Return one ledger for each key, all with the same rate classes."""
    classes = sorted({(pi, name) for _, _, name, pi, *_ in rows})
    column = {key: k for k, key in enumerate(classes)}
    tables: dict[int, np.typing.NDArray[np.float64]] = defaultdict(
        lambda: np.zeros((4, len(EDGES) - 1, max(len(classes), 1)))
    )
    for key, bin_, name, pi, *counts in rows:
        tables[key][:, bin_, column[pi, name]] += counts
    pis = [max(pi, NEVER_DRAWN) for pi, _ in classes] or [1.0]
    # The name is a region, or a rate class such as "approve:0.02".
    untrusted = [name.partition(":")[0] == UNTRUSTED for _, name in classes] or [False]
    return [_ledger(tables[key], pis, untrusted) for key in keys]


def _ledger(table: np.typing.NDArray[np.float64], pis: Sequence[float], untrusted: Sequence[bool]) -> Ledger:
    uploads, labelled, violating, missing = table
    return Ledger(EDGES, uploads, labelled, violating, pis, missing, untrusted)


def total(days: Sequence[ClosedDay]) -> Ledger:
    """Return the sum of ``days``, of which there must be at least one."""
    return reduce(add, (day.ledger for day in days))
