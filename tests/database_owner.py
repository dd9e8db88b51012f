"""Tests connect as the serving role, like the product. These contexts break what only the tables' owner can break."""

from collections.abc import Iterator
from contextlib import contextmanager

import pgtrigger
from django.conf import settings
from django.db import connection
from psycopg.pq import TransactionStatus


@contextmanager
def as_owner() -> Iterator[None]:
    """Act as the owner of the tables, on the same connection and in the same transaction."""
    if not settings.DATABASE_SERVING_ROLE:  # one role serves and owns
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute(f'SET ROLE "{settings.DATABASE_OWNER["USER"]}"')
    try:
        yield
    finally:
        # After a failure, the rollback takes SET ROLE back.
        if connection.connection.info.transaction_status != TransactionStatus.INERROR:
            with connection.cursor() as cursor:
                cursor.execute("RESET ROLE")


@contextmanager
def tampering(*triggers: str) -> Iterator[None]:
    """Act as the owner, with these triggers off, or all: "moderation.Effect:never_deleted"."""
    with as_owner(), pgtrigger.ignore(*triggers):
        yield
