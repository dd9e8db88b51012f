"""The versions of a policy: drafted, published and retired."""

import hashlib
from typing import Any, Self

from django.db import models, transaction
from django.db.models import F, Max, Q
from django.db.models.functions import Now

from moderation.models.epochs import Epoch
from moderation.models.label_score import Combination, combine
from moderation.models.people import User
from moderation.models.policies import Community, Policy, default_targets
from moderation.models.threshold_grid import on_grid
from moderation.models.tracking import never_deleted, tracked
from moderation.models.version_content import CONTENT, published_content_never_changes
from moderation.routing import Rates, Route


class PolicyVersionQuerySet(models.QuerySet["PolicyVersion"]):
    def in_force(self) -> Self:
        return self.filter(state=PolicyVersion.State.IN_FORCE)

    def root(self) -> Self:
        return self.filter(community=None)


@tracked()
class PolicyVersion(models.Model):
    """A policy at one time: text, reasons, thresholds, rates and costs. Only a draft can change.

    A community's version sets thresholds, rates and capacity. Text, reasons and classifier come from the root version.
    """

    class State(models.TextChoices):
        DRAFT = "draft", "draft"  # can be changed; screens nothing
        IN_FORCE = "in_force", "in force"  # the next pre-screen uses it
        RETIRED = "retired", "retired"  # another version replaced it; kept for the record

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
    review_rate = models.FloatField(
        default=1.0, help_text="Share of the band that is reviewed; below 1 if the band exceeds the capacity."
    )
    fallback = models.CharField(
        max_length=7,
        choices=[("approve", "approve"), ("reject", "reject")],
        default="reject",
        help_text="The route of an upload in the band that is not drawn for review, or that nobody can tell.",
    )
    cost_miss = models.FloatField(default=20.0)
    cost_wrongful = models.FloatField(default=5.0)
    cost_review = models.FloatField(default=0.5)
    targets = models.JSONField(default=default_targets)
    capacity = models.PositiveIntegerField(null=True, blank=True, help_text="Reviews a day; empty for no limit.")
    miss_share = models.FloatField(
        default=0.0,
        help_text="Share of violations that one moderator misses, measured with gold items; 0 if not declared.",
    )
    epoch = models.ForeignKey(Epoch, on_delete=models.PROTECT, null=True, blank=True, related_name="versions")
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    saved_at = models.DateTimeField(db_default=Now(), help_text="When the draft was saved last, by `created_by`.")
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
        """The sampling probabilities by route, and the fallback for the band."""
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
        """The smallest rate, by risk, among the regions that can hold the risk's bad uploads (docs/statistics.md)."""
        # The band counts for every risk, because a candidate threshold can lie within it.
        return {
            "leak": min(self.audit_rate_approve, self.review_rate),
            "miss": min(self.audit_rate_approve, self.review_rate),
            "wrongful": min(self.audit_rate_reject, self.review_rate),
        }

    def combine(self, scores: dict[str, float]) -> float:
        """Return the probability that is compared with the thresholds, from the labels that the policy names."""
        return combine([scores[label] for label in self.labels], combination=self.combination)

    def copy_as_draft(self, *, by: User | None, **changes: Any) -> "PolicyVersion":
        """Create a draft with this version's content, ``changes`` and the next free number."""
        with transaction.atomic():
            Policy.objects.select_for_update().get(pk=self.policy_id)
            siblings = PolicyVersion.objects.filter(policy=self.policy, community=self.community)
            newest = siblings.aggregate(number=Max("number"))["number"]
            content = {name: getattr(self, name) for name in CONTENT} | changes
            return PolicyVersion.objects.create(
                policy=self.policy, community=self.community, number=newest + 1, created_by=by, **content
            )

    def root(self) -> "PolicyVersion":
        """Return this version, or for a community's version the policy's root version in force."""
        return self if self.community_id is None else PolicyVersion.objects.root().in_force().get(policy=self.policy)

    def smallest_rates(self) -> dict[str, float]:
        """Return the smallest `pi_floor` by risk among this version and the others in force for communities or root."""
        others = PolicyVersion.objects.in_force().filter(policy=self.policy).exclude(community=self.community)
        floors = [version.pi_floor for version in (self, *others)]
        return {risk: min(floor[risk] for floor in floors) for risk in floors[0]}
