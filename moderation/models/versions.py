"""What a policy meant when: its versions, drafted, published and retired."""

import hashlib
from functools import reduce
from operator import or_
from typing import Any, Self

import pgtrigger
from django.db import models, transaction
from django.db.models import F, Max, Q
from django.db.models.functions import Now

from moderation.models.epochs import Epoch, epoch_for, why_new
from moderation.models.label_score import Combination, combine
from moderation.models.people import User
from moderation.models.policies import Community, Policy, default_targets
from moderation.models.threshold_grid import on_grid
from moderation.models.tracking import never_deleted, tracked
from moderation.routing import Rates, Route


class AlreadyPublished(Exception):
    """The version is not a draft any more."""


class ClassifierRetired(Exception):
    """The version goes by a classifier that is out of use."""


# What a draft copies from the version it starts from, and what never changes once a version was published.
CONTENT = (
    "text", "reasons", "classifier", "labels", "combination", "low", "high",
    "audit_rate_approve", "audit_rate_reject", "review_rate", "fallback",
    "cost_miss", "cost_wrongful", "cost_review", "targets", "capacity", "miss_share",
)  # fmt: skip


def published_content_never_changes() -> pgtrigger.Protect:
    """Only a draft's content may change; state and its dates move on."""
    names = ("policy", "community", "number", *CONTENT)
    changes = [pgtrigger.Q(**{f"old__{name}__df": pgtrigger.F(f"new__{name}")}) for name in names]
    return pgtrigger.Protect(
        name="published_content_never_changes",
        operation=pgtrigger.Update,
        condition=pgtrigger.Q(old__state__in=["in_force", "retired"]) & reduce(or_, changes),
    )


class PolicyVersionQuerySet(models.QuerySet["PolicyVersion"]):
    def in_force(self) -> Self:
        return self.filter(state=PolicyVersion.State.IN_FORCE)

    def root(self) -> Self:
        return self.filter(community=None)


@tracked()
class PolicyVersion(models.Model):
    """A policy at one time: text, reasons, thresholds, rates, costs. Only a draft can change.

    A community's version sets thresholds, rates and capacity; text, reasons and classifier come from the root's.
    """

    class State(models.TextChoices):
        DRAFT = "draft", "draft"
        IN_FORCE = "in_force", "in force"
        RETIRED = "retired", "retired"

    Combination = Combination

    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="versions")
    community = models.ForeignKey(Community, on_delete=models.PROTECT, null=True, blank=True, related_name="versions")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    text = models.TextField(blank=True)
    reasons = models.JSONField(default=list, blank=True)
    classifier = models.ForeignKey(
        "moderation.Classifier",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="policy_versions",
    )
    labels = models.JSONField(default=list, blank=True)
    combination = models.CharField(max_length=3, choices=Combination, default=Combination.MAX)
    low = models.FloatField()
    high = models.FloatField()
    audit_rate_approve = models.FloatField(default=0.02)
    audit_rate_reject = models.FloatField(default=0.10)
    review_rate = models.FloatField(default=1.0, help_text="Below 1 where the band holds more than the capacity.")
    fallback = models.CharField(
        max_length=7,
        choices=[("approve", "approve"), ("reject", "reject")],
        default="reject",
        help_text="What becomes of an upload in the band that nobody looks at or that nobody can tell.",
    )
    cost_miss = models.FloatField(default=20.0)
    cost_wrongful = models.FloatField(default=5.0)
    cost_review = models.FloatField(default=0.5)
    targets = models.JSONField(default=default_targets)
    capacity = models.PositiveIntegerField(null=True, blank=True, help_text="Reviews a day; empty: no limit.")
    miss_share = models.FloatField(
        default=0.0,
        help_text="Share of violations that one moderator misses, measured with gold items; 0: not declared.",
    )
    epoch = models.ForeignKey(Epoch, on_delete=models.PROTECT, null=True, blank=True, related_name="versions")
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    published_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    published_at = models.DateTimeField(null=True, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)
    why = models.CharField(max_length=500, blank=True)

    objects = PolicyVersionQuerySet.as_manager()

    class Meta:
        triggers = [never_deleted(), published_content_never_changes()]
        permissions = [
            ("see_thresholds", "Can see thresholds and scores"),
            ("publish_thresholds", "Can draft and publish thresholds"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["policy", "community", "number"], nulls_distinct=False, name="one_version_per_number"
            ),
            models.UniqueConstraint(
                fields=["policy", "community"],
                condition=Q(state="in_force"),
                nulls_distinct=False,
                name="one_version_in_force_per_policy_and_community",
            ),
            models.CheckConstraint(
                condition=Q(low__gte=0, low__lte=F("high"), high__lte=1),
                name="thresholds_in_order",
                violation_error_message="Thresholds must satisfy 0 <= low <= high <= 1.",
            ),
            on_grid("low"),
            on_grid("high"),
            models.CheckConstraint(
                condition=Q(
                    audit_rate_approve__range=(0, 1),
                    audit_rate_reject__range=(0, 1),
                    review_rate__range=(0, 1),
                ),
                name="rates_are_probabilities",
            ),
            models.CheckConstraint(
                condition=Q(cost_miss__gte=0, cost_wrongful__gte=0, cost_review__gte=0),
                name="costs_are_not_negative",
            ),
            models.CheckConstraint(condition=Q(miss_share__gte=0, miss_share__lt=1), name="miss_share_is_a_share"),
            models.CheckConstraint(
                condition=Q(state="draft") | Q(published_at__isnull=False, epoch__isnull=False) & ~Q(why=""),
                name="published_with_a_reason_in_an_epoch",
            ),
            models.CheckConstraint(
                condition=Q(community=None, classifier__isnull=False) & ~Q(text="")
                | Q(community__isnull=False, classifier=None, text=""),
                name="text_and_classifier_belong_to_the_root",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.policy}, version {self.number}"

    @property
    def rates(self) -> Rates:
        return Rates(
            approve=self.audit_rate_approve,
            review=self.review_rate,
            reject=self.audit_rate_reject,
            fallback=Route(self.fallback),
        )

    @property
    def text_sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def pi_floor(self) -> dict[str, float]:
        """The smallest rate, by risk, among the regions that can hold the risk's violations (THRESHOLDS 5)."""
        # The band counts everywhere: a candidate threshold may lie within it.
        return {
            "leak": min(self.audit_rate_approve, self.review_rate),
            "miss": min(self.audit_rate_approve, self.review_rate),
            "wrongful": min(self.audit_rate_reject, self.review_rate),
        }

    def combine(self, scores: dict[str, float]) -> float:
        """The one probability that is compared with the thresholds, from the labels that the policy names."""
        return combine([scores[label] for label in self.labels], combination=self.combination)

    @transaction.atomic
    def publish(self, *, by: User | None, why: str) -> None:
        """Put this draft in force; the one before it retires and the next pre-screen uses this one.

        Where another classifier is to rule, the thresholds of communities retire too: they do not transfer.

        Raises:
            AlreadyPublished: it is not a draft any more. Nothing was changed.
            ClassifierRetired: its classifier is out of use. Nothing was changed.
        """
        # Everybody who publishes for this policy queues up here.
        Policy.objects.select_for_update().get(pk=self.policy_id)
        self._refuse_retired_classifier()
        siblings = PolicyVersion.objects.filter(policy=self.policy, community=self.community)
        self._replaced_by_this().update(state=self.State.RETIRED, retired_at=Now())
        published = siblings.filter(pk=self.pk, state=self.State.DRAFT).update(
            state=self.State.IN_FORCE,
            published_by=by,
            published_at=Now(),
            why=why,
            epoch=epoch_for(self, root=self._root(), why=why),
        )
        if published != 1:
            raise AlreadyPublished(f"{self} is not a draft any more. Reload the page to see what is in force.")
        # What rules is in nobody's shadow.
        self.policy.shadows.filter(classifier=self.classifier_id).end(why=f"Version {self.number} rules by it.", by=by)
        self.refresh_from_db()

    def _refuse_retired_classifier(self) -> None:
        if self.classifier is None:
            return
        # Locked: whoever retires it comes before or after.
        classifier = type(self.classifier).objects.select_for_update(no_key=True).get(pk=self.classifier.pk)
        if classifier.retired_at is not None:
            raise ClassifierRetired(
                f"{classifier.name}, the classifier of {self}, was retired on {classifier.retired_at:%d %B %Y}. "
                "Nothing was published. Draft a version from what is in force, or activate another classifier."
            )

    def _replaced_by_this(self) -> PolicyVersionQuerySet:
        """The versions in force that this one retires."""
        in_force = PolicyVersion.objects.in_force().filter(policy=self.policy)
        before = in_force.filter(community=self.community).first()
        return in_force if before and self._scores_otherwise(before) else in_force.filter(community=self.community)

    def _scores_otherwise(self, before: "PolicyVersion") -> bool:
        names = ("classifier_id", "labels", "combination")
        return self.community_id is None and any(getattr(self, name) != getattr(before, name) for name in names)

    def copy_as_draft(self, *, by: User | None, **changes: Any) -> "PolicyVersion":
        """A new draft with this version's content and the next free number."""
        with transaction.atomic():
            Policy.objects.select_for_update().get(pk=self.policy_id)
            newest = PolicyVersion.objects.filter(policy=self.policy, community=self.community).aggregate(
                number=Max("number")
            )["number"]
            content = {name: getattr(self, name) for name in CONTENT} | changes
            return PolicyVersion.objects.create(
                policy=self.policy, community=self.community, number=newest + 1, created_by=by, **content
            )

    def _root(self) -> "PolicyVersion":
        if self.community_id is None:
            return self
        return PolicyVersion.objects.root().in_force().get(policy=self.policy)

    def why_new_epoch(self) -> str:
        """Why publishing this would end the open epoch; empty where evidence keeps adding up."""
        return why_new(self, root=self._root())

    def smallest_rates(self) -> dict[str, float]:
        """The floor by risk over this version and those that other communities have in force."""
        others = PolicyVersion.objects.in_force().filter(policy=self.policy).exclude(community=self.community)
        floors = [version.pi_floor for version in (self, *others)]
        return {risk: min(floor[risk] for floor in floors) for risk in floors[0]}
