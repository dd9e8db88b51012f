"""The data that a new database needs: groups with permissions, the embedded classifier and a policy in force.

Idempotent: it runs after every `migrate` and every `flush`.
"""

import json

import pghistory
from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.db import connection, transaction

from moderation.inference.embedded import open_nsfw
from moderation.models import Classifier, Epoch, Policy, PolicyVersion
from moderation.roles import ROLES
from moderation.tuning.versions import put_in_force

ADULT_CONTENT = """\
Not allowed: exposed genitals, anus or female nipples; sexual acts, real or drawn; sexualised poses that focus on \
genitals or buttocks; anything sexual that involves or seems to involve a minor.
Allowed: swimwear and underwear, kissing, breastfeeding, childbirth, medical and educational images, nudity in \
classical art.
When in doubt, choose "Cannot tell": another person will review it as well.
"""
REASONS = [
    {"code": "nudity", "text": "Nudity"},
    {"code": "sexual_activity", "text": "Sexual activity"},
    {"code": "sexualised_minor", "text": "Sexualised minor"},
    {"code": "violence", "text": "Violence or gore"},
    {"code": "other", "text": "Something else, with a comment", "comment": True},
]


def ensure_defaults() -> None:
    if PolicyVersion._meta.db_table not in connection.introspection.table_names():
        return  # `migrate moderation zero` has removed the tables
    with transaction.atomic(), pghistory.context(process="defaults"):
        _ensure_groups()
        _ensure_policy(_ensure_classifier())
        _open_epochs_of_new_plan()


def _ensure_groups() -> None:
    """Give each group its permissions once: when the group is new, or when an upgrade brings the permission.

    Permissions that an admin has removed stay removed.
    """
    permissions = Permission.objects.filter(content_type__app_label="moderation")
    existing = set(permissions.values_list("pk", flat=True))
    create_permissions(apps.get_app_config("moderation"), verbosity=0)
    for name, codenames in ROLES.items():
        group, created = Group.objects.get_or_create(name=name)
        own = permissions.filter(codename__in=codenames)
        group.permissions.add(*(own if created else own.exclude(pk__in=existing)))


def _ensure_classifier() -> Classifier:
    manifest, _ = open_nsfw()
    classifier, _ = Classifier.objects.get_or_create(
        sha256=manifest.sha256,
        preprocessing_version=manifest.preprocessing_version,
        defaults={
            # The embedded classifier of an earlier version keeps its name.
            "name": manifest.name
            if not Classifier.objects.filter(name=manifest.name).exists()
            else f"{manifest.name} {manifest.sha256[:8]} {manifest.preprocessing_version}",
            "manifest": json.loads(manifest.to_json()),
            "positive_label": manifest.positive_label,
            "licence": manifest.licence,
            "provenance": dict(manifest.source),
        },
    )
    return classifier


def _ensure_policy(classifier: Classifier) -> None:
    if PolicyVersion.objects.exists():
        return
    policy = Policy.objects.create(slug="adult-content", name="Adult content")
    put_in_force(
        PolicyVersion.objects.create(
            policy=policy,
            number=1,
            text=ADULT_CONTENT,
            reasons=REASONS,
            classifier=classifier,
            labels=[classifier.positive_label],
            low=0.2,
            high=0.8,
        ),
        by=None,
        why="The default that comes with the product.",
    )


def _open_epochs_of_new_plan() -> None:
    """Open a new epoch where an upgrade changes the view plan: scores then mean something else."""
    for version in PolicyVersion.objects.root().in_force().filter(classifier__retired_at=None):
        now = Epoch.objects.filter(policy=version.policy_id, closed_at=None).first()
        if now and version.classifier and now.preprocessing_version != version.classifier.score_version:
            put_in_force(
                version.copy_as_draft(by=None),
                by=None,
                why="An upgrade has changed the views of a file that are scored.",
            )
