"""Run a classifier in shadow mode under a policy: every pre-screen scores with it, and its scores decide nothing."""

from collections.abc import Sequence

from django.db import IntegrityError, transaction

from moderation.classifiers.activation import choose_labels, get_policy_in_force, get_usable_classifier
from moderation.classifiers.dry_run import find_classifier
from moderation.classifiers.errors import AdoptionRefused
from moderation.models import Shadow, User


def start_shadow_mode(
    name: str, *, policy: str, labels: Sequence[str] = (), combination: str = "max", by: User | None = None
) -> Shadow:
    """Let ``name`` score in shadow mode under ``policy`` from the next pre-screen on.

    Raises:
        AdoptionRefused: it is unknown, retired, damaged, active for the policy, or in shadow mode already.
    """
    # Loaded before anything is written, so that a damaged file is reported now and not by the nightly pre-screen.
    find_classifier(get_usable_classifier(name).name).load()
    with transaction.atomic():
        classifier, compared_policy = get_usable_classifier(name, for_update=True), get_policy_in_force(policy)
        if compared_policy.versions.in_force().filter(classifier=classifier).exists():
            raise AdoptionRefused(f"{name} is already the active classifier of {policy}: nothing to compare it with.")
        try:
            with transaction.atomic():
                return Shadow.objects.create(
                    policy=compared_policy,
                    classifier=classifier,
                    labels=choose_labels(classifier, wanted=labels),
                    combination=combination,
                    started_by=by,
                )
        except IntegrityError as error:
            raise AdoptionRefused(f"{name} is already in shadow mode under {policy}.") from error


def end_shadow_mode(name: str, *, policy: str, why: str = "", by: User | None = None) -> Shadow:
    """End shadow mode from the next pre-screen on. The scores stay in the record.

    Raises:
        AdoptionRefused: the classifier is not in shadow mode under the policy.
    """
    shadow = find_shadow(name, policy=policy)
    if not Shadow.objects.filter(pk=shadow.pk).end(why=why or "Ended.", by=by):
        raise AdoptionRefused(
            f"{name} is no longer in shadow mode under {policy}, so there is nothing to end. Its scores stay in the "
            "record."
        )
    shadow.refresh_from_db()
    return shadow


def find_shadow(name: str, *, policy: str) -> Shadow:
    """Return the open shadow of that classifier and policy, otherwise the last one that ended.

    Raises:
        AdoptionRefused: the classifier was never in shadow mode under the policy.
    """
    shadows = Shadow.objects.filter(classifier__name=name, policy__slug=policy).select_related("classifier", "policy")
    found = shadows.current().first() or shadows.order_by("-ended_at").first()
    if found is None:
        open_ones = Shadow.objects.current().filter(policy__slug=policy).values_list("classifier__name", flat=True)
        raise AdoptionRefused(
            f"{name} was never in shadow mode under {policy}. In shadow mode there: "
            f"{', '.join(open_ones) or 'no classifier'}. Start it with 'classifiers shadow {name} --policy {policy}'."
        )
    return found
