"""The rules of a policy that are not part of its versions: a look before a verdict, and what publishing asks for."""

import pghistory
from django.db import transaction

from moderation.models import Policy, User


class RuleProtected(Exception):
    """The rule may be switched off by a superuser only. Nothing was changed."""


@transaction.atomic
def change_rules(  # noqa: PLR0913  (the rules, by whom and why)
    policy: Policy, *, by: User, why: str, requires_look: bool, confirmed_share: float, needs_second_publisher: bool
) -> None:
    """Change the rules of ``policy``; its event table records who did so and why.

    Raises:
        RuleProtected: one person would end the rule that publishing needs two. Nothing was changed.
    """
    locked = Policy.objects.select_for_update().get(pk=policy.pk)
    if locked.needs_second_publisher and not needs_second_publisher and not by.is_superuser:
        raise RuleProtected(
            "This policy needs two people to publish, and one person cannot end that rule. Nothing was changed. Ask a "
            "superuser to switch it off."
        )
    with pghistory.context(why=why, by=by.pk):
        Policy.objects.filter(pk=policy.pk).update(
            requires_look=requires_look,
            confirmed_share=confirmed_share,
            needs_second_publisher=needs_second_publisher,
        )
