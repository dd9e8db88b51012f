"""Every advisory lock: its number, what it protects, and the order in which locks are taken.

A lock is (number, id). Those of a transaction end with it; those of a session end when they are released or when the
connection is lost. Order, so that nobody waits in a circle: the pre-screen's rows of files, then hash-list entries,
then clusters, then other rows. Of several locks of one kind the smallest id comes first.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

from django.db import connection, connections

# Ids are the second half of a lock's key, which is a signed 32-bit integer.
_IDS = 2**31


class Lock(IntEnum):
    """The first half of each lock's key."""

    #: A run of the pre-screen, held by its command for as long as it lives, on whichever machine.
    RUN = 20_481
    #: Giving files their clusters: two near-duplicates that come at once meet here.
    CLUSTER_JOINING = 20_482
    #: One cluster: opening, deciding, undoing and splitting its tasks.
    CLUSTER = 20_483
    #: One entry of a hash list: routing by it (shared) and contesting it (exclusive).
    HASH_ENTRY = 20_484
    #: Importing into one hash list.
    HASH_LIST_IMPORT = 20_485


def lock_clusters(clusters: Iterable[int]) -> None:
    """Lock ``clusters`` until the transaction ends: nobody else opens, decides, undoes or splits their tasks.

    Taken before any row is locked.
    """
    _lock_in_order(Lock.CLUSTER, clusters)


def lock_cluster_joining(*, using: str) -> None:
    """Let one process after the other give files their clusters, until the transaction on ``using`` ends."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [int(Lock.CLUSTER_JOINING)])


def lock_entries_shared(entries: Collection[int]) -> None:
    """Keep ``entries`` from being contested until the transaction ends. Any number of workers may do so at once."""
    _lock_in_order(Lock.HASH_ENTRY, entries, shared=True)


def lock_entry(entry: int) -> None:
    """Lock ``entry`` until the transaction ends: no worker starts routing by it, and those that do have committed."""
    _lock_in_order(Lock.HASH_ENTRY, [entry])


def try_lock_import(hash_list: int) -> bool:
    """Lock imports into ``hash_list`` until the transaction ends, unless another import is under way."""
    return _truth("SELECT pg_try_advisory_xact_lock(%s, %s)", int(Lock.HASH_LIST_IMPORT), hash_list % _IDS)


def try_lock_run(run: int) -> bool:
    """Hold ``run`` for this connection, unless the command that it belongs to is alive and holds it."""
    return _truth("SELECT pg_try_advisory_lock(%s, %s)", int(Lock.RUN), run % _IDS)


def unlock_run(run: int) -> None:
    """Release what ``try_lock_run`` holds."""
    _truth("SELECT pg_advisory_unlock(%s, %s)", int(Lock.RUN), run % _IDS)


@contextmanager
def advisory_lock(name: str) -> Iterator[None]:
    """Hold the lock called ``name`` for the length of a block; whoever comes second waits."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
    _execute("SELECT pg_advisory_lock(%s)", number)
    try:
        yield
    finally:
        _execute("SELECT pg_advisory_unlock(%s)", number)


def _lock_in_order(lock: Lock, ids: Iterable[int], *, shared: bool = False) -> None:
    function = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    keys = sorted({each % _IDS for each in ids})
    _execute(f"SELECT {function}(%s, key) FROM unnest(%s::int[]) key", int(lock), keys)  # noqa: S608


def _truth(sql: str, *parameters: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return bool(cursor.fetchone()[0])


def _execute(sql: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
