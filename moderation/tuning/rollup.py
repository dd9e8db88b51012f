"""The roll-up: brings the ledger's daily counts up to date with new screenings and decisions.

Everything is set-based. The first roll-up of a large record is one pass; a later one reads only new screenings and the
drawn uploads with new decisions. `ledger_sql` holds the rule.
"""

import time
from dataclasses import asdict, dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models.functions import Now

from moderation.models import Decision, RollUp, Screening
from moderation.tuning import alarms, ledger_sql, opinion_sql

WAIT_SECONDS = 60.0
# In this order: open days, count uploads, record the drawn ones, update their outcomes, close complete days.
STEPS = (
    ledger_sql.OPEN_DAYS,
    ledger_sql.COUNT_UPLOADS,
    ledger_sql.NOTE_DRAWN,
    ledger_sql.JUDGE,
    ledger_sql.CLOSE_DAYS,
    *opinion_sql.STEPS,
)

# Transactions of other databases on the server share the sequence of ids and can last for hours, so they are left out.
_RUNNING_TRANSACTIONS = """
    SELECT coalesce(array_agg(x::text), '{}') FROM pg_snapshot_xip(pg_current_snapshot()) x
    WHERE x IS DISTINCT FROM pg_current_xact_id_if_assigned() AND NOT EXISTS (
        SELECT FROM pg_locks held JOIN pg_stat_activity backend USING (pid)
        WHERE held.locktype = 'transactionid' AND held.transactionid = x::xid AND held.mode = 'ExclusiveLock'
            AND backend.datname <> current_database()
    )
"""


class StillWriting(Exception):
    """A transaction that was running when the roll-up began has not ended. Nothing was changed."""


@dataclass(frozen=True, kw_only=True)
class RolledUp:
    """The counts of one roll-up: the rows that it read and the changes that it made."""

    screenings: int
    decisions: int
    drawn: int
    changed: int
    closed_days: int
    withdrawn: int

    def as_json(self) -> dict[str, int]:
        return asdict(self)


def roll_up() -> RolledUp:
    """Bring the ledger up to date in one transaction; a second run changes nothing.

    Certificates whose alarm rings on the days that are now closed are withdrawn.

    Raises:
        StillWriting: an older transaction did not end within a minute.
    """
    screenings, decisions = _committed_until()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        state = RollUp.hold()
        names = {
            **ledger_sql.CONSTANTS,
            "from_screening": state.screenings_read,
            "to_screening": max(screenings, state.screenings_read),
            "from_decision": state.decisions_read,
            "to_decision": max(decisions, state.decisions_read),
        }
        counts = [_run(cursor, sql, names) for sql in STEPS]
        RollUp.objects.filter(pk=state.pk).update(
            screenings_read=names["to_screening"], decisions_read=names["to_decision"], rolled_up_at=Now()
        )
        read = Screening.objects.filter(pk__gt=state.screenings_read, pk__lte=names["to_screening"]).count()
        decided = Decision.objects.filter(pk__gt=state.decisions_read, pk__lte=names["to_decision"]).count()
        withdrawn = alarms.watch()
    return RolledUp(
        screenings=read,
        decisions=decided,
        drawn=counts[2],
        changed=counts[3],
        closed_days=counts[4],
        withdrawn=len(withdrawn),
    )


def differences() -> list[tuple[str, str]]:
    """Return each difference between the ledger and a full recount of the rows that it has read: (stratum, counts)."""
    state = RollUp.objects.filter(pk=1).first()
    if state is None:
        return []
    names = {
        **ledger_sql.CONSTANTS,
        "from_screening": 0,
        "to_screening": state.screenings_read,
        "to_decision": state.decisions_read,
        "at": state.rolled_up_at,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")  # a recount reads every row
        cursor.execute(ledger_sql.RECOUNT, names)
        strata = [(f"ledger {day}, bin {bin_}, {rate}", f"{kept}, a recount gives {new}")
                  for day, bin_, rate, kept, new in cursor.fetchall()]  # fmt: skip
        cursor.execute(opinion_sql.RECOUNT, names)
        opinions = [(f"opinions in epoch {epoch}, {violating} violating and {benign} benign",
                     f"{kept} files, a recount gives {new}")
                    for epoch, violating, benign, kept, new in cursor.fetchall()]  # fmt: skip
    return strata + opinions


def _run(cursor: Any, sql: str, names: dict[str, Any]) -> int:
    cursor.execute(sql, names)
    return max(0, int(cursor.rowcount))


def _committed_until() -> tuple[int, int]:
    """Return ids of a screening and a decision below which no row is still uncommitted.

    PostgreSQL gives out an id before its row is committed. A transaction with an id up to the largest visible one is
    running now, so this waits until all running transactions have ended. It blocks nobody meanwhile.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce((SELECT max(id) FROM moderation_screening), 0),"
            " coalesce((SELECT max(id) FROM moderation_decision), 0)"
        )
        screenings, decisions = cursor.fetchone()
        cursor.execute(_RUNNING_TRANSACTIONS)
        running = cursor.fetchone()[0]
        deadline = time.monotonic() + WAIT_SECONDS
        while running and _unfinished(cursor, running):
            if time.monotonic() > deadline:
                raise StillWriting(
                    f"A transaction that was running when the roll-up began did not end within {WAIT_SECONDS:.0f} s. "
                    "The ledger was not changed. Run 'manage.py rollup' again."
                )
            time.sleep(0.05)
    return int(screenings), int(decisions)


def _unfinished(cursor: Any, transactions: list[str]) -> bool:
    cursor.execute(
        "SELECT exists(SELECT FROM unnest(%s::text[]) x WHERE pg_xact_status(x::xid8) = 'in progress')", [transactions]
    )
    return bool(cursor.fetchone()[0])
