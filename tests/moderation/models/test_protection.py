"""The database keeps the history of every change, and refuses to change it even to the owner of the tables."""

from typing import Any

import pghistory
import pghistory.models
import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.db import DatabaseError, connection, transaction
from django.db.models import Model
from pghistory.models import Context

from tests.database_owner import as_owner
from tests.factories import make_upload, make_user

pytestmark = pytest.mark.django_db


def event_models() -> list[type[Model]]:
    return [model for model in apps.get_models() if issubclass(model, pghistory.models.Event)]


def execute_as_owner(sql: str, *parameters: Any) -> None:
    with transaction.atomic(), as_owner(), connection.cursor() as cursor:
        cursor.execute(sql, parameters)


@pytest.mark.parametrize("model", event_models(), ids=lambda model: model.__name__)
@pytest.mark.parametrize("statement", ["UPDATE {} SET pgh_label = 'x'", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_events_are_never_changed_deleted_or_truncated(model: type[Model], statement: str) -> None:
    with pytest.raises(DatabaseError, match="Cannot update or delete or truncate"):
        execute_as_owner(statement.format(model._meta.db_table))


# Contexts: who changed something, and from where


@pytest.fixture
def context() -> Context:
    """The context of an earlier request of Ada's."""
    with pghistory.context(user=7, url="/claim/"):
        make_upload()
    row = Context.objects.get(metadata__url="/claim/")
    # The test's own transaction inserted it, so it may still change: move it into the past.
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE pghistory_context DISABLE TRIGGER USER")
        cursor.execute("UPDATE pghistory_context SET created_at = created_at - interval '1 minute'")
        cursor.execute("ALTER TABLE pghistory_context ENABLE TRIGGER USER")
    return row


@pytest.mark.parametrize(
    "statement",
    [
        """UPDATE pghistory_context SET metadata = '{"user": 8, "url": "/claim/"}'""",
        """UPDATE pghistory_context SET metadata = '{"user": 7}'""",
        "UPDATE pghistory_context SET created_at = now()",
        "DELETE FROM pghistory_context",
        "TRUNCATE pghistory_context CASCADE",
    ],
)
def test_a_recorded_context_keeps_its_facts(context: Context, statement: str) -> None:
    with pytest.raises(DatabaseError, match="Cannot"):
        execute_as_owner(statement)


def test_a_context_gains_facts_in_later_transactions_of_its_request(context: Context) -> None:
    Context.objects.filter(pk=context.pk).update(metadata={**context.metadata, "why": "a reason"})
    assert Context.objects.get(pk=context.pk).metadata == {"user": 7, "url": "/claim/", "why": "a reason"}


def test_a_context_may_change_in_the_transaction_that_records_it() -> None:
    with pghistory.context(why="first"):
        make_upload(external_id="1")
        with pghistory.context(why="second"):
            make_upload(external_id="2")
    assert [row.metadata for row in Context.objects.filter(metadata__has_key="why")] == [{"why": "second"}]


# Groups and permissions


def labels(model: str, **keys: int) -> list[str]:
    events = apps.get_model("moderation", model).objects.filter(**keys)
    return list(events.order_by("pgh_id").values_list("pgh_label", flat=True))


def test_who_became_admin_and_no_longer_is_stays_in_the_record() -> None:
    ada, admin = make_user("ada"), Group.objects.get(name="admin")
    ada.groups.add(admin)
    ada.groups.remove(admin)
    assert labels("UserGroupEvent", user_id=ada.pk, group_id=admin.pk) == ["insert", "delete"]


def test_permissions_of_people_and_of_groups_are_in_the_record() -> None:
    ada, auditor = make_user("ada"), Group.objects.get(name="auditor")
    publish = Permission.objects.get(codename="publish_thresholds")
    ada.user_permissions.set([publish])
    auditor.permissions.add(publish)
    auditor.permissions.clear()
    assert labels("UserPermissionEvent", user_id=ada.pk, permission_id=publish.pk) == ["insert"]
    assert labels("GroupPermissionEvent", group_id=auditor.pk, permission_id=publish.pk) == ["insert", "delete"]


def test_a_membership_has_the_context_of_its_request() -> None:
    ada, lead = make_user("ada"), Group.objects.get(name="lead")
    with pghistory.context(user=7):
        ada.groups.add(lead)
    event = apps.get_model("moderation", "UserGroupEvent").objects.get(user_id=ada.pk, group_id=lead.pk)
    assert event.pgh_context.metadata == {"user": 7}
