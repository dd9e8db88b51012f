"""The initial data of a new database; creating them again changes nothing."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.core import serializers
from django.core.management import call_command

from moderation import initial_data
from moderation.models import Classifier, Community, Epoch, Policy, PolicyVersion, User
from moderation.roles import ROLES
from tests.database_owner import as_owner

pytestmark = pytest.mark.django_db


def everything() -> str:
    rows = [*Group.objects.all(), *Classifier.objects.all(), *Policy.objects.all(), *Community.objects.all()]
    return serializers.serialize("json", [*rows, *PolicyVersion.objects.all(), *Epoch.objects.all()])


def test_a_second_run_changes_nothing() -> None:
    before = everything()
    initial_data.ensure_defaults()
    initial_data.ensure_defaults()
    assert everything() == before


def test_a_fresh_database_has_one_policy_in_force_with_text_reasons_and_an_epoch() -> None:
    version = PolicyVersion.objects.get()
    assert (version.policy.slug, version.state, version.number, version.community) == (
        "adult-content", "in_force", 1, None,
    )  # fmt: skip
    assert (version.low, version.high) == (0.2, 0.8)
    assert {reason["code"] for reason in version.reasons} >= {"nudity", "sexual_activity", "other"}
    assert version.text.startswith("Not allowed:")
    assert version.epoch is not None
    assert version.epoch.closed_at is None
    assert len(bytes(version.epoch.secret)) == 32


def test_the_embedded_classifier_is_registered_once_with_its_sha256() -> None:
    classifier = Classifier.objects.get()
    assert classifier.is_embedded
    assert classifier.sha256 == classifier.manifest["sha256"]
    assert [classifier.positive_label] == PolicyVersion.objects.get().labels


@pytest.mark.parametrize(
    ("group", "may"),
    [
        ("moderator", "review_uploads"),
        ("lead", "keep_hash_lists lead_reviews review_uploads see_runs see_thresholds see_uploads"),
        (
            "admin",
            "keep_hash_lists lead_reviews publish_thresholds review_uploads see_runs see_thresholds see_uploads "
            "send_uploads",
        ),
        ("operator", "see_runs see_thresholds see_uploads send_uploads"),
        ("auditor", "see_thresholds see_uploads"),
    ],
)
def test_each_group_has_the_permissions_of_its_role(group: str, may: str) -> None:
    user = User.objects.create_user("someone")
    user.groups.add(Group.objects.get(name=group))
    assert sorted(user.get_all_permissions()) == [f"moderation.{codename}" for codename in may.split()]


def test_permissions_that_an_admin_removed_stay_removed() -> None:
    moderators = Group.objects.get(name="moderator")
    moderators.permissions.clear()
    initial_data.ensure_defaults()
    assert not moderators.permissions.exists()


def test_a_renamed_policy_is_not_created_again() -> None:
    Policy.objects.update(slug="nudity", name="Nudity")
    initial_data.ensure_defaults()
    assert [policy.slug for policy in Policy.objects.all()] == ["nudity"]


def test_a_deleted_group_is_created_again() -> None:
    Group.objects.get(name="auditor").delete()
    with as_owner():
        call_command("migrate", verbosity=0)
    assert Group.objects.get(name="auditor").permissions.count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_flush_leaves_the_defaults() -> None:
    call_command("flush", interactive=False, verbosity=0)
    assert PolicyVersion.objects.in_force().count() == 1
    assert Group.objects.count() == len(ROLES)


def test_a_permission_that_an_upgrade_brings_is_given_to_its_groups_once() -> None:
    Permission.objects.get(codename="see_runs").delete()
    lead, operator = Group.objects.get(name="lead"), Group.objects.get(name="operator")
    lead.permissions.remove(Permission.objects.get(codename="see_uploads"))
    with as_owner():
        call_command("migrate", verbosity=0)
    assert "see_runs" in operator.permissions.values_list("codename", flat=True)
    codenames = set(lead.permissions.values_list("codename", flat=True))
    assert codenames == {"review_uploads", "lead_reviews", "see_thresholds", "see_runs", "keep_hash_lists"}, (
        "what was taken away stays so"
    )
    assert not Group.objects.get(name="auditor").permissions.filter(codename="see_runs").exists()
