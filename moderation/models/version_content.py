"""The content of a policy version, which never changes once the version is published."""

from functools import reduce
from operator import or_

import pgtrigger

# The fields that a draft copies from the version it starts from, and that never change once a version is published.
CONTENT = (
    "text", "reasons", "classifier", "labels", "combination", "low", "high",
    "audit_rate_approve", "audit_rate_reject", "review_rate", "fallback",
    "cost_miss", "cost_wrongful", "cost_review", "targets", "capacity", "miss_share",
)  # fmt: skip


def published_content_never_changes() -> pgtrigger.Protect:
    """Return the trigger that lets only a draft's content change; state and dates may change later."""
    names = ("policy", "community", "number", *CONTENT)
    changes = [pgtrigger.Q(**{f"old__{name}__df": pgtrigger.F(f"new__{name}")}) for name in names]
    return pgtrigger.Protect(
        name="published_content_never_changes",
        operation=pgtrigger.Update,
        condition=pgtrigger.Q(old__state__in=["in_force", "retired"]) & reduce(or_, changes),
    )
