"""Policies, and the communities that can have their own thresholds."""

from typing import Self

from django.db import models
from django.db.models import F, Q

from moderation.models.tracking import tracked

# The targets of a new policy, by risk.
DEFAULT_TARGETS = {"leak": 0.005, "miss": 0.1, "wrongful": 0.2}


def default_targets() -> dict[str, float]:
    return dict(DEFAULT_TARGETS)


@tracked()
class Community(models.Model):
    """A part of the platform that can have its own thresholds; without them, those of its parent apply."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=100)
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="children")

    class Meta:
        verbose_name_plural = "communities"
        constraints = [models.CheckConstraint(condition=~Q(parent=F("id")), name="community_is_not_its_own_parent")]

    def __str__(self) -> str:
        return self.name


class PolicyQuerySet(models.QuerySet["Policy"]):
    def in_force(self) -> Self:
        return self.filter(versions__state="in_force", versions__community=None)


@tracked()
class Policy(models.Model):
    """A rule about what is not allowed; its versions record its meaning over time."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=100)
    gold_rate = models.FloatField(
        default=0.02, help_text="Probability that a moderator who claims a task is given a gold item instead."
    )
    requires_look = models.BooleanField(
        default=False,
        help_text="Verdicts on uploads that were not revealed are refused, for all tasks of the policy alike.",
    )
    confirmed_share = models.FloatField(
        default=0.2,
        help_text="Thresholds that change the route of a larger share of uploads need a typed confirmation.",
    )
    needs_second_publisher = models.BooleanField(
        default=False, help_text="Who drafted a version may not publish it; another person does."
    )

    objects = PolicyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "policies"
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(gold_rate__gte=0, gold_rate__lte=0.5), name="gold_is_at_most_half_of_the_work"
            ),
            models.CheckConstraint(condition=Q(confirmed_share__range=(0, 1)), name="confirmed_share_is_a_share"),
        ]

    def __str__(self) -> str:
        return self.name
