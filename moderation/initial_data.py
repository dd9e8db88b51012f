"""What a fresh database needs: groups with their permissions, the embedded classifier, a policy in force.

Idempotent; runs after every migrate and every flush.
"""

import json

import pghistory
from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.db import connection, transaction

from moderation.inference.embedded import open_nsfw
from moderation.models import Classifier, Epoch, Policy, PolicyVersion
from moderation.tuning.versions import put_in_force

GROUPS = {
    "moderator": ["review_uploads"],
    "lead": ["review_uploads", "lead_reviews", "see_uploads", "see_thresholds", "see_runs", "keep_hash_lists"],
    "admin": [
        "review_uploads", "lead_reviews", "see_uploads", "send_uploads", "see_thresholds", "publish_thresholds",
        "see_runs", "keep_hash_lists",
    ],
    "operator": ["see_uploads", "send_uploads", "see_thresholds", "see_runs"],
    "auditor": ["see_uploads", "see_thresholds"],
}  # fmt: skip

ADULT_CONTENT = """\
Not allowed: exposed genitals, anus or female nipples; sexual acts, real or drawn; sexualised poses that focus on \
genitals or buttocks; anything sexual that involves or seems to involve a minor.
Allowed: swimwear and underwear, kissing, breastfeeding, childbirth, medical and educational images, nudity in \
classical art.
When in doubt, choose "Cannot tell": somebody else will look as well.
"""
REASONS = [
    {"code": "nudity", "text": "Nudity"},
    {"code": "sexual_activity", "text": "Sexual activity"},
    {"code": "sexualised_minor", "text": "Sexualised minor (restricted path)"},
    {"code": "violence", "text": "Violence or gore"},
    {"code": "other", "text": "Something else, with a comment", "comment": True},
]


def ensure_defaults() -> None:
    if PolicyVersion._meta.db_table not in connection.introspection.table_names():
        return  # migrated back to before the first table
    with transaction.atomic(), pghistory.context(process="defaults"):
        _ensure_groups()
        _ensure_policy(_ensure_classifier())
        _follow_the_plan()


def _ensure_groups() -> None:
    """Groups get what is meant for them once: with a new group, or with a permission that an upgrade brings."""
    permissions = Permission.objects.filter(content_type__app_label="moderation")
    known = set(permissions.values_list("pk", flat=True))
    create_permissions(apps.get_app_config("moderation"), verbosity=0)
    for name, codenames in GROUPS.items():
        group, created = Group.objects.get_or_create(name=name)
        meant = permissions.filter(codename__in=codenames)
        group.permissions.add(*(meant if created else meant.exclude(pk__in=known)))


def _ensure_classifier() -> Classifier:
    manifest, _ = open_nsfw()
    classifier, _ = Classifier.objects.get_or_create(
        sha256=manifest.sha256,
        preprocessing_version=manifest.preprocessing_version,
        defaults={
            # An embedded classifier that came with an earlier version keeps its name.
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


def _follow_the_plan() -> None:
    """Where an upgrade looks at files in another way, scores mean something else: evidence begins anew."""
    for version in PolicyVersion.objects.root().in_force().filter(classifier__retired_at=None):
        now = Epoch.objects.filter(policy=version.policy_id, closed_at=None).first()
        if now and version.classifier and now.preprocessing_version != version.classifier.score_version:
            put_in_force(version.copy_as_draft(by=None), by=None, why="An upgrade looks at files in another way.")
