"""The policy that a page is about, as its address or its form names it."""

from django.http import Http404
from django.shortcuts import get_object_or_404

from moderation.models import Policy


def get_chosen_policy_or_404(slug: str | None) -> Policy | None:
    """Return the policy that ``slug`` names, or without one the first in force; None where none is.

    Raises:
        Http404: the named one is not in force.
    """
    return get_policy_or_404(slug) if slug else Policy.objects.in_force().first()


def get_policy_or_404(slug: str) -> Policy:
    """Return the policy in force of that name.

    Raises:
        Http404: there is none.
    """
    if "\0" in slug:
        # PostgreSQL refuses the query.
        raise Http404("A policy's name has no NUL character.")
    return get_object_or_404(Policy.objects.in_force(), slug=slug)
