"""Reading the token of a claim from a form or an address."""

import uuid

from django.http import HttpRequest

from moderation.models import User
from moderation.review.claims import Claim

# No claim has this token.
NO_TOKEN = uuid.UUID(int=0)


def parse_token(text: str) -> uuid.UUID:
    """Return the token in ``text``; NO_TOKEN where it is missing or garbled."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return NO_TOKEN


def posted_claim(request: HttpRequest, *, moderator: User) -> Claim:
    """Return the claim that a form carries. Without a valid token it holds nothing, like a lost one."""
    return Claim(moderator=moderator, token=parse_token(request.POST.get("token", "")))
