"""The role that serves can do to each table what the product does, and nothing else."""

import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction

from moderation import database_roles
from moderation.apps import grant_rights_after_migrate
from moderation.models import ReviewTask, Screening
from tests.database_owner import as_owner
from tests.factories import make_task

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not settings.DATABASE_SERVING_ROLE, reason="DATABASE_URL names one role for everything"),
]
DENIED = "permission denied|must be owner|cannot set parameter"


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE moderation_decision SET comment = 'changed'",
        "DELETE FROM moderation_exposure",
        "UPDATE moderation_userevent SET username = 'somebody else'",
        "DELETE FROM moderation_usergroupevent",
        "DELETE FROM pghistory_context",
        "DELETE FROM moderation_upload",
        "UPDATE moderation_screening SET score = 0",
        "TRUNCATE moderation_decision CASCADE",
        "TRUNCATE moderation_skip",
        "ALTER TABLE moderation_decision DISABLE TRIGGER USER",
        "ALTER TABLE moderation_decision DROP COLUMN comment",
        "DROP TABLE moderation_skip",
        "CREATE TABLE mine (a int)",
        "CREATE FUNCTION public._pgh_attach_context() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "SET session_replication_role = replica",
        "DELETE FROM django_migrations",
    ],
)
def test_the_serving_role_cannot_change_the_record_or_what_protects_it(sql: str) -> None:
    with pytest.raises(DatabaseError, match=DENIED), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


def test_the_serving_role_cannot_switch_triggers_off_by_pgtriggers_variable() -> None:
    task = make_task()
    with connection.cursor() as cursor:
        cursor.execute("""
            SELECT set_config('pgtrigger.ignore', array_agg(tgname::text)::text, true) FROM pg_trigger
            WHERE tgrelid = 'moderation_reviewtask'::regclass
        """)
        cursor.execute("UPDATE moderation_reviewtask SET priority = 7")
        cursor.execute("SELECT priority FROM moderation_reviewtaskevent ORDER BY pgh_id DESC LIMIT 1")
        assert cursor.fetchone() == (7,)
    assert ReviewTask.objects.get().pk == task.pk


def test_a_field_that_may_change_can_be_changed() -> None:
    make_task()
    assert Screening.objects.update(superseded=True) == 1


def test_every_migration_grants_the_rights_again() -> None:
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(f"GRANT DELETE ON moderation_decision TO {settings.DATABASE_SERVING_ROLE}")
        cursor.execute(f"REVOKE INSERT ON moderation_upload FROM {settings.DATABASE_SERVING_ROLE}")
    with as_owner():
        grant_rights_after_migrate(plan=[])
    assert rights_on("moderation_decision") == {"SELECT", "INSERT"}
    assert rights_on("moderation_upload") == {"SELECT", "INSERT", "UPDATE"}


def rights_on(table: str) -> set[str]:
    kinds = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")
    with connection.cursor() as cursor:
        cursor.execute("SELECT k FROM unnest(%s::text[]) k WHERE has_table_privilege(%s, k)", [list(kinds), table])
        return {kind for (kind,) in cursor.fetchall()}


def test_granting_costs_one_round_trip(django_assert_num_queries) -> None:
    with as_owner(), django_assert_num_queries(3):  # between a savepoint and its release
        database_roles.grant_rights(settings.DATABASE_SERVING_ROLE)


def test_with_one_role_nothing_is_granted(settings, django_assert_num_queries) -> None:
    settings.DATABASE_SERVING_ROLE = ""
    with django_assert_num_queries(0):
        grant_rights_after_migrate(plan=[])
