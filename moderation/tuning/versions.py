"""Putting a policy version in force, and retiring the one before it."""

from django.db import transaction
from django.db.models.functions import Now

from moderation.formatting import day
from moderation.models import Classifier, Policy, PolicyVersion, User
from moderation.models.versions import PolicyVersionQuerySet
from moderation.tuning.epochs import epoch_for
from moderation.tuning.safeguards import check_second_person

State = PolicyVersion.State


class AlreadyPublished(Exception):
    """The version is no longer a draft. Nothing was changed."""


class ClassifierRetired(Exception):
    """The version's classifier is retired. Nothing was changed."""


@transaction.atomic
def put_in_force(version: PolicyVersion, *, by: User | None, why: str) -> None:
    """Put a draft in force and retire the version before it; the next pre-screen uses the new one.

    If the classifier, the labels or their combination change, the versions of communities retire too, because
    thresholds do not transfer to other scores.

    Raises:
        AlreadyPublished: it is no longer a draft. Nothing was changed.
        ClassifierRetired: its classifier is retired. Nothing was changed.
        SecondPersonNeeded: the policy needs another person than the drafter to publish. Nothing was changed.
    """
    # One publication of this policy at a time.
    version.policy = Policy.objects.select_for_update().get(pk=version.policy_id)
    check_second_person(version, by=by)
    _check_classifier_not_retired(version)
    _replaced_by(version).update(state=State.RETIRED, retired_at=Now())
    published = PolicyVersion.objects.filter(pk=version.pk, state=State.DRAFT).update(
        state=State.IN_FORCE,
        published_by=by,
        published_at=Now(),
        why=why,
        epoch=epoch_for(version, why=why),
    )
    if published != 1:
        raise AlreadyPublished(
            f"{version} is no longer a draft. Nothing was published. Reload the page to see the version in force."
        )
    # An active classifier does not stay in shadow mode under the same policy.
    shadows = version.policy.shadows.filter(classifier=version.classifier_id)
    shadows.end(why=f"Active since version {version.number}.", by=by)
    version.refresh_from_db()


def _check_classifier_not_retired(version: PolicyVersion) -> None:
    if version.classifier_id is None:
        return
    # The lock keeps the classifier from being retired until this version is in force.
    classifier = Classifier.objects.select_for_update(no_key=True).get(pk=version.classifier_id)
    if classifier.retired_at is not None:
        raise ClassifierRetired(
            f"{classifier.name}, the classifier of {version}, was retired on {day(classifier.retired_at)}. "
            "Nothing was published. Draft a version from the one in force, or activate another classifier."
        )


def _replaced_by(version: PolicyVersion) -> PolicyVersionQuerySet:
    """Return the versions in force that ``version`` retires."""
    in_force = PolicyVersion.objects.in_force().filter(policy=version.policy)
    before = in_force.filter(community=version.community).first()
    if before and _scores_differently(version, before=before):
        return in_force
    return in_force.filter(community=version.community)


def _scores_differently(version: PolicyVersion, *, before: PolicyVersion) -> bool:
    names = ("classifier_id", "labels", "combination")
    return version.community_id is None and any(getattr(version, name) != getattr(before, name) for name in names)
