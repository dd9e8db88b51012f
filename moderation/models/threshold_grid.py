"""The grid that thresholds lie on."""

from django.db import models
from django.db.models import F

# Thresholds lie on the edges of a ledger's bins, so that no bin ever has to be split.
GRID_STEPS = 100
GRID = [step / GRID_STEPS for step in range(GRID_STEPS + 1)]


def on_grid(name: str) -> models.CheckConstraint:
    """Return the constraint that keeps the field ``name`` on the grid."""
    hundredfold = F(name) * GRID_STEPS
    return models.CheckConstraint(
        condition=models.lookups.LessThan(
            models.Func(hundredfold - models.Func(hundredfold, function="ROUND"), function="ABS"), 1e-6
        ),
        name=f"{name}_lies_on_the_grid",
        violation_error_message=f"{name} must be a multiple of {1 / GRID_STEPS}.",
    )
