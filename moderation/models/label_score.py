"""How the labels that a policy names make one score."""

from collections.abc import Sequence

from django.db import models


class Combination(models.TextChoices):
    """How the probabilities of a policy's labels make one."""

    MAX = "max", "the largest of the labels"
    SUM = "sum", "the sum of the labels"


def combine(values: Sequence[float], *, combination: str) -> float:
    return max(values) if combination == Combination.MAX else min(sum(values), 1.0)
