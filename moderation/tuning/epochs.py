"""Opening and closing epochs: when evidence goes on under a new version, and when it begins anew."""

import secrets

from django.db.models.functions import Now

from moderation.models import Epoch, PolicyVersion
from moderation.models.threshold_grid import GRID


def epoch_for(version: PolicyVersion, *, why: str) -> Epoch:
    """Return the open epoch if it can go on under ``version``; otherwise close it and open a new one.

    The caller has locked the policy.
    """
    root = version.root()
    assert root.classifier is not None
    current = _open_epoch(version)
    if current is not None:
        change = _ending_change(current, version, root=root)
        if not change:
            return current
        Epoch.objects.filter(pk=current.pk).update(closed_at=Now(), why_closed=change)
        why = change
    return Epoch.objects.create(
        policy=version.policy,
        text_sha256=root.text_sha256,
        classifier=root.classifier,
        preprocessing_version=root.classifier.score_version,
        secret=secrets.token_bytes(32),
        grid=GRID,
        start_low=version.low,
        start_high=version.high,
        targets=version.targets,
        pi_floor=version.smallest_rates(),
        why_opened=why,
    )


def why_new_epoch(version: PolicyVersion) -> str:
    """Return why publishing ``version`` would open a new epoch; empty if the open epoch would go on."""
    current = _open_epoch(version)
    return _ending_change(current, version, root=version.root()) if current else "It is the first epoch."


def _open_epoch(version: PolicyVersion) -> Epoch | None:
    return Epoch.objects.filter(policy=version.policy, closed_at=None).first()


def _ending_change(epoch: Epoch, version: PolicyVersion, *, root: PolicyVersion) -> str:
    """Return the change that keeps ``epoch`` from going on under ``version``; empty if there is none."""
    assert root.classifier is not None
    if epoch.text_sha256 != root.text_sha256:
        return "The policy's text changed."
    before = epoch.versions.filter(community=None).order_by("pk").first()
    if before and (before.labels, before.combination) != (root.labels, root.combination):
        return "The labels of the score, or their combination, changed."
    if (epoch.classifier_id, epoch.preprocessing_version) != (
        root.classifier.pk,
        root.classifier.score_version,
    ):
        return "The classifier or its preprocessing changed."
    if lower := [risk for risk, pi in version.pi_floor.items() if pi < epoch.pi_floor[risk]]:
        return f"An audit rate fell below the epoch's floor ({', '.join(lower)})."
    return ""
