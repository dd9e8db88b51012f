"""Put a classifier in the shadow of a policy, where every pre-screen asks it and nothing follows from what it says."""

from collections.abc import Sequence

from django.db import IntegrityError, transaction

from moderation.classifiers.activation import chosen_labels, policy_in_force, usable
from moderation.classifiers.dry_run import find
from moderation.classifiers.errors import AdoptionRefused
from moderation.models import Shadow, User


def put_in_shadow(
    name: str, *, policy: str, labels: Sequence[str] = (), combination: str = "max", by: User | None = None
) -> Shadow:
    """Let ``name`` score along under ``policy`` from the next pre-screen on.

    Raises:
        AdoptionRefused: it is unknown, retired, damaged, rules the policy already or is in its shadow already.
    """
    # Verified before anything is written: the nightly pre-screen should not have to find out.
    find(usable(name).name).load()
    with transaction.atomic():
        classifier, ruled = usable(name, for_update=True), policy_in_force(policy)
        if ruled.versions.in_force().filter(classifier=classifier).exists():
            raise AdoptionRefused(f"{name} rules {policy} already: there is nothing to compare it with.")
        try:
            with transaction.atomic():
                return Shadow.objects.create(
                    policy=ruled,
                    classifier=classifier,
                    labels=chosen_labels(classifier, wanted=labels),
                    combination=combination,
                    started_by=by,
                )
        except IntegrityError as error:
            raise AdoptionRefused(f"{name} is in the shadow of {policy} already.") from error


def end_shadow(name: str, *, policy: str, why: str = "", by: User | None = None) -> Shadow:
    """Ask it no more from the next pre-screen on. What it said stays in the record.

    Raises:
        AdoptionRefused: it is not in the policy's shadow.
    """
    shadow = find_shadow(name, policy=policy)
    if not Shadow.objects.filter(pk=shadow.pk).end(why=why or "Ended.", by=by):
        raise AdoptionRefused(f"{name} is not in the shadow of {policy} any more. Its scores stay in the record.")
    shadow.refresh_from_db()
    return shadow


def find_shadow(name: str, *, policy: str) -> Shadow:
    """The open shadow of that classifier and policy, else the last one that ended.

    Raises:
        AdoptionRefused: it never was in the policy's shadow.
    """
    shadows = Shadow.objects.filter(classifier__name=name, policy__slug=policy).select_related("classifier", "policy")
    found = shadows.open().first() or shadows.order_by("-ended_at").first()
    if found is None:
        open_ones = Shadow.objects.open().filter(policy__slug=policy).values_list("classifier__name", flat=True)
        raise AdoptionRefused(
            f"{name} was never in the shadow of {policy}. In it: {', '.join(open_ones) or 'nothing'}. "
            f"Put it there with 'classifiers shadow {name} --policy {policy}'."
        )
    return found
