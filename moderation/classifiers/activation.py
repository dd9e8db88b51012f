"""Which classifier a policy goes by: put one in force, take one out of use."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from moderation.classifiers.errors import AdoptionRefused
from moderation.classifiers.shadow_comparison import check_pair
from moderation.models import Classifier, Policy, PolicyVersion, Shadow, User
from moderation.models.versions import ClassifierRetired


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On which terms a classifier rules a policy. Thresholds are always its own: they do not transfer.

    Attributes:
        labels: those that count; empty for the positive one alone.
        combination: "max" or "sum" of the labels' probabilities.
        text: the text of a policy that does not exist yet.
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
    """Publish a version of ``policy`` that goes by this classifier; a new epoch opens by itself.

    Raises:
        AdoptionRefused: the classifier, the policy or the terms cannot be used.
    """
    classifier = usable(name)
    content = {
        "classifier": classifier,
        "labels": chosen_labels(classifier, wanted=terms.labels),
        "combination": _combination(terms),
        "low": terms.low,
        "high": terms.high,
    }
    check_pair(terms.low, terms.high)
    if not terms.why.strip():
        raise AdoptionRefused("--why is empty. Say why this classifier rules from now on: the record keeps it.")
    try:
        with transaction.atomic():
            version = _draft(policy, content=content, terms=terms)
            version.full_clean(exclude=["epoch", "created_by"], validate_unique=False)
            version.publish(by=terms.by, why=terms.why)
    except (ValidationError, IntegrityError) as error:
        raise AdoptionRefused(f"{_in_words(error)} Nothing was published.") from error
    except ClassifierRetired as retired:
        raise AdoptionRefused(str(retired)) from retired
    return version


@transaction.atomic
def undo_activation(policy: str, *, why: str, by: User | None = None) -> PolicyVersion:
    """Let the classifier that ruled ``policy`` before rule again, with the thresholds that it had, in a new epoch.

    The thresholds of communities that retired with it come back as well.

    Raises:
        AdoptionRefused: no other classifier ruled before, or it was retired.
    """
    now = PolicyVersion.objects.root().in_force().select_related("policy").get(policy=policy_in_force(policy))
    if not why.strip():
        raise AdoptionRefused("--why is empty. Say why the classifier before rules again: the record keeps it.")
    before = _ruled_before(now)
    try:
        _publish_again(before, why=why, by=by)
        for version in PolicyVersion.objects.filter(policy=now.policy, retired_at=before.retired_at).exclude(
            community=None
        ):
            _publish_again(version, why=why, by=by)
    except ClassifierRetired as retired:
        raise AdoptionRefused(str(retired)) from retired
    return PolicyVersion.objects.root().in_force().select_related("epoch", "classifier").get(policy=now.policy)


def _ruled_before(now: PolicyVersion) -> PolicyVersion:
    """The last version that another classifier, or the same with other labels, ruled by."""
    published = PolicyVersion.objects.root().filter(policy=now.policy, state=PolicyVersion.State.RETIRED)
    others = published.exclude(classifier=now.classifier_id, labels=now.labels, combination=now.combination)
    before = others.order_by("-retired_at", "-number").first()
    if before is None:
        raise AdoptionRefused(f"No other classifier ruled {now.policy.slug} before: there is nothing to undo.")
    return before


def _publish_again(version: PolicyVersion, *, why: str, by: User | None) -> None:
    version.copy_as_draft(by=by).publish(by=by, why=why)


def policy_in_force(slug: str) -> Policy:
    """The policy of that name.

    Raises:
        AdoptionRefused: none of that name is in force.
    """
    found = Policy.objects.in_force().filter(slug=slug).first()
    if found is None:
        slugs = ", ".join(Policy.objects.in_force().values_list("slug", flat=True))
        raise AdoptionRefused(f"No policy {slug!r} is in force. In force: {slugs or 'none'}.")
    return found


@transaction.atomic
def retire(name: str) -> Classifier:
    """Take a classifier out of use. Its scores and its file stay: the record refers to them.

    Raises:
        AdoptionRefused: it is unknown, retired already, or in force somewhere.
    """
    classifier = usable(name, for_update=True)
    ruled = PolicyVersion.objects.in_force().filter(classifier=classifier).select_related("policy")
    if slugs := ", ".join(version.policy.slug for version in ruled):
        raise AdoptionRefused(
            f"{name} is in force for {slugs}. Let another classifier rule first: "
            "'classifiers activate OTHER --policy SLUG --low L --high H --why WHY'."
        )
    if shadowed := ", ".join(
        Shadow.objects.open().filter(classifier=classifier).values_list("policy__slug", flat=True)
    ):
        raise AdoptionRefused(
            f"{name} is in the shadow of {shadowed}. End that first: 'classifiers shadow {name} --policy SLUG --end'."
        )
    Classifier.objects.filter(pk=classifier.pk).update(retired_at=Now())
    classifier.refresh_from_db()
    return classifier


def usable(name: str, *, for_update: bool = False) -> Classifier:
    """The classifier of that name, unless it was retired.

    Raises:
        AdoptionRefused: it was, or there is none.
    """
    # Who publishes locks the policy first and the classifier then; so nobody else locks it before a policy.
    rows = Classifier.objects.select_for_update() if for_update else Classifier.objects.all()
    classifier = rows.filter(name=name).first()
    if classifier is None:
        names = ", ".join(Classifier.objects.active().order_by("pk").values_list("name", flat=True))
        raise AdoptionRefused(f"No classifier is named {name!r}. Known are {names}.")
    if classifier.retired_at:
        raise AdoptionRefused(f"{name} was retired on {classifier.retired_at:%d %B %Y}. Import it under another name.")
    return classifier


def chosen_labels(classifier: Classifier, *, wanted: Sequence[str]) -> list[str]:
    """The labels that count: those ``wanted``, or the positive one alone.

    Raises:
        AdoptionRefused: the classifier lacks one of them.
    """
    known: list[str] = classifier.manifest["labels"]
    chosen = list(dict.fromkeys(wanted)) or [classifier.positive_label]
    if unknown := [label for label in chosen if label not in known]:
        raise AdoptionRefused(f"{classifier.name} has no label {', '.join(unknown)}; it has {', '.join(known)}.")
    return chosen


def _combination(terms: Terms) -> str:
    if terms.combination not in PolicyVersion.Combination.values:
        accepted = ", ".join(PolicyVersion.Combination.values)
        raise AdoptionRefused(f"--combination {terms.combination!r}: accepted are {accepted}.")
    return terms.combination


def _draft(slug: str, *, content: Mapping[str, Any], terms: Terms) -> PolicyVersion:
    known = Policy.objects.filter(slug=slug).first()
    if known is None:
        return _first_version(slug, content=content, terms=terms)
    if terms.text:
        raise AdoptionRefused(f"Policy {slug} exists and has a text. Leave --text out; texts change on their own page.")
    now = PolicyVersion.objects.root().in_force().get(policy=known)
    return now.copy_as_draft(by=terms.by, **content)


def _first_version(slug: str, *, content: Mapping[str, Any], terms: Terms) -> PolicyVersion:
    if not terms.text.strip():
        slugs = ", ".join(Policy.objects.values_list("slug", flat=True))
        raise AdoptionRefused(
            f"No policy is called {slug!r}. Known are {slugs}. To make a new one, give its text: --text FILE."
        )
    policy = Policy(slug=slug, name=slug.replace("-", " ").capitalize())
    policy.full_clean()
    policy.save()
    reasons = [{"code": slug.replace("-", "_"), "text": policy.name}]
    return PolicyVersion.objects.create(
        policy=policy, number=1, text=terms.text, reasons=reasons, created_by=terms.by, **content
    )


def _in_words(error: ValidationError | IntegrityError) -> str:
    if isinstance(error, ValidationError):
        return " ".join(error.messages)
    return str(error).splitlines()[0] + "."
