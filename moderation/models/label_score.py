"""The combination of a policy's labels into one score."""

from collections.abc import Sequence

from django.db import models


class Combination(models.TextChoices):
    """The way in which the probabilities of a policy's labels make one score."""

    MAX = "max", "the largest of the labels"  # for labels that do not exclude each other
    SUM = "sum", "the sum of the labels"  # for labels that exclude each other; at most 1


def combine(values: Sequence[float], *, combination: str) -> float:
    """Return the score in [0, 1] from the probabilities of the labels."""
    return max(values) if combination == Combination.MAX else min(sum(values), 1.0)
