"""Change the active classifier of a policy, and retire classifiers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from moderation.classifiers.errors import AdoptionRefused
from moderation.classifiers.shadow_comparison import check_pair
from moderation.formatting import day
from moderation.models import Classifier, Policy, PolicyVersion, Shadow, User
from moderation.tuning.versions import ClassifierRetired, put_in_force


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The terms on which a classifier becomes active. Thresholds do not transfer from another classifier.

    Attributes:
        low, high: thresholds for this classifier's scores.
        why: the reason, which stays in the record.
        labels: labels that count; empty for the positive one alone.
        combination: "max" or "sum" of the labels' probabilities.
        by: the person in whose name the version is published.
        text: text of a policy that does not exist yet.
    """

    low: float
    high: float
    why: str
    labels: Sequence[str] = ()
    combination: str = "max"
    by: User | None = None
    text: str = ""


@transaction.atomic
def activate(name: str, *, policy: str, terms: Terms) -> PolicyVersion:
    """Publish a version of ``policy`` with this classifier, which opens a new epoch.

    Raises:
        AdoptionRefused: the classifier, the policy or the terms cannot be used.
    """
    classifier = get_usable_classifier(name)
    content = {
        "classifier": classifier,
        "labels": choose_labels(classifier, wanted=terms.labels),
        "combination": _checked_combination(terms),
        "low": terms.low,
        "high": terms.high,
    }
    check_pair(terms.low, terms.high)
    if not terms.why.strip():
        raise AdoptionRefused("--why is empty. Give the reason for activating this classifier; the record keeps it.")
    try:
        with transaction.atomic():
            version = _draft(policy, content=content, terms=terms)
            version.full_clean(exclude=["epoch", "created_by"], validate_unique=False)
            put_in_force(version, by=terms.by, why=terms.why)
    except (ValidationError, IntegrityError) as error:
        raise AdoptionRefused(f"{_message(error)} Nothing was published.") from error
    except ClassifierRetired as retired:
        raise AdoptionRefused(str(retired)) from retired
    return version


@transaction.atomic
def undo_activation(policy: str, *, why: str, by: User | None = None) -> PolicyVersion:
    """Make the previous classifier of ``policy`` active again, with the thresholds that it had, in a new epoch.

    The thresholds of communities that retired with it come back as well.

    Raises:
        AdoptionRefused: no other classifier was active before, or it was retired.
    """
    now = PolicyVersion.objects.root().in_force().select_related("policy").get(policy=get_policy_in_force(policy))
    if not why.strip():
        raise AdoptionRefused(
            "--why is empty. Give the reason for going back to the previous classifier; the record keeps it."
        )
    before = _get_previous_version(now)
    try:
        _publish_again(before, why=why, by=by)
        for version in PolicyVersion.objects.filter(policy=now.policy, retired_at=before.retired_at).exclude(
            community=None
        ):
            _publish_again(version, why=why, by=by)
    except ClassifierRetired as retired:
        raise AdoptionRefused(str(retired)) from retired
    return PolicyVersion.objects.root().in_force().select_related("epoch", "classifier").get(policy=now.policy)


def _get_previous_version(now: PolicyVersion) -> PolicyVersion:
    """Return the last version with another classifier, other labels or another combination, or refuse."""
    published = PolicyVersion.objects.root().filter(policy=now.policy, state=PolicyVersion.State.RETIRED)
    others = published.exclude(classifier=now.classifier_id, labels=now.labels, combination=now.combination)
    before = others.order_by("-retired_at", "-number").first()
    if before is None:
        raise AdoptionRefused(f"No other classifier was active for {now.policy.slug} before. There is nothing to undo.")
    return before


def _publish_again(version: PolicyVersion, *, why: str, by: User | None) -> None:
    put_in_force(version.copy_as_draft(by=by), by=by, why=why)


def get_policy_in_force(slug: str) -> Policy:
    """Return the policy with that slug.

    Raises:
        AdoptionRefused: no policy with that slug is in force.
    """
    found = Policy.objects.in_force().filter(slug=slug).first()
    if found is None:
        slugs = ", ".join(Policy.objects.in_force().values_list("slug", flat=True))
        raise AdoptionRefused(f"No policy {slug!r} is in force. In force: {slugs or 'none'}.")
    return found


@transaction.atomic
def retire(name: str) -> Classifier:
    """Take a classifier out of use. Its scores and its file stay, because the record refers to them.

    Raises:
        AdoptionRefused: it is unknown, already retired, active for a policy, or in shadow mode.
    """
    classifier = get_usable_classifier(name, for_update=True)
    versions = PolicyVersion.objects.in_force().filter(classifier=classifier).select_related("policy")
    if slugs := ", ".join(version.policy.slug for version in versions):
        raise AdoptionRefused(
            f"{name} is in force for {slugs}, so it was not retired. Activate another classifier first: "
            "'classifiers activate OTHER --policy SLUG --low L --high H --why WHY'."
        )
    if shadowed := ", ".join(
        Shadow.objects.current().filter(classifier=classifier).values_list("policy__slug", flat=True)
    ):
        raise AdoptionRefused(
            f"{name} is in shadow mode under {shadowed}, so it was not retired. End that first: "
            f"'classifiers shadow {name} --policy SLUG --end'."
        )
    Classifier.objects.filter(pk=classifier.pk).update(retired_at=Now())
    classifier.refresh_from_db()
    return classifier


def get_usable_classifier(name: str, *, for_update: bool = False) -> Classifier:
    """Return the classifier of that name.

    Raises:
        AdoptionRefused: no classifier has that name, or it was retired.
    """
    # Publishing locks the policy first and then the classifier, so a locked classifier must not be followed by the
    # lock of a policy.
    rows = Classifier.objects.select_for_update() if for_update else Classifier.objects.all()
    classifier = rows.filter(name=name).first()
    if classifier is None:
        names = ", ".join(Classifier.objects.active().order_by("pk").values_list("name", flat=True))
        raise AdoptionRefused(f"No classifier is named {name!r}. Registered and not retired are {names}.")
    if classifier.retired_at:
        raise AdoptionRefused(f"{name} was retired on {day(classifier.retired_at)}. Import it under another name.")
    return classifier


def choose_labels(classifier: Classifier, *, wanted: Sequence[str]) -> list[str]:
    """Return the labels that count: the ``wanted`` ones, or the positive one alone.

    Raises:
        AdoptionRefused: the classifier lacks one of them.
    """
    known: list[str] = classifier.manifest["labels"]
    chosen = list(dict.fromkeys(wanted)) or [classifier.positive_label]
    if unknown := [label for label in chosen if label not in known]:
        raise AdoptionRefused(f"{classifier.name} has no label {', '.join(unknown)}; it has {', '.join(known)}.")
    return chosen


def _checked_combination(terms: Terms) -> str:
    if terms.combination not in PolicyVersion.Combination.values:
        accepted = ", ".join(PolicyVersion.Combination.values)
        raise AdoptionRefused(f"--combination {terms.combination!r} is not accepted. Give one of {accepted}.")
    return terms.combination


def _draft(slug: str, *, content: Mapping[str, Any], terms: Terms) -> PolicyVersion:
    known = Policy.objects.filter(slug=slug).first()
    if known is None:
        return _first_version(slug, content=content, terms=terms)
    if terms.text:
        raise AdoptionRefused(
            f"Policy {slug} already has a text. Leave --text out, and change the text on the policy's own page."
        )
    now = PolicyVersion.objects.root().in_force().get(policy=known)
    return now.copy_as_draft(by=terms.by, **content)


def _first_version(slug: str, *, content: Mapping[str, Any], terms: Terms) -> PolicyVersion:
    if not terms.text.strip():
        slugs = ", ".join(Policy.objects.values_list("slug", flat=True))
        raise AdoptionRefused(
            f"No policy is called {slug!r}. There are {slugs}. To make a new one, give its text with --text FILE."
        )
    policy = Policy(slug=slug, name=slug.replace("-", " ").capitalize())
    policy.full_clean()
    policy.save()
    reasons = [{"code": slug.replace("-", "_"), "text": policy.name}]
    return PolicyVersion.objects.create(
        policy=policy, number=1, text=terms.text, reasons=reasons, created_by=terms.by, **content
    )


def _message(error: ValidationError | IntegrityError) -> str:
    if isinstance(error, ValidationError):
        return " ".join(error.messages)
    return str(error).splitlines()[0] + "."
