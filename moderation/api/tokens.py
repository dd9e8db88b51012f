"""Authentication of programs by bearer tokens, which are looked up by the sha256 of their secret."""

from datetime import timedelta

from django.db.models import Q
from django.db.models.functions import Now
from django.http import HttpRequest
from ninja.security import HttpBearer

from moderation.models import ApiToken

LAST_USED_PRECISION = timedelta(minutes=1)


class TokenRequest(HttpRequest):
    auth: ApiToken


class BearerToken(HttpBearer):
    def authenticate(self, request: HttpRequest, token: str) -> ApiToken | None:  # noqa: ARG002
        found = ApiToken.objects.authenticate(token)
        if found is not None:
            note_use(found)
        return found


def note_use(token: ApiToken) -> None:
    """Record the time of use, at most once a minute, so that requests with a busy token do not wait for its row."""
    long_ago = Q(last_used_at=None) | Q(last_used_at__lte=Now() - LAST_USED_PRECISION)
    ApiToken.objects.filter(long_ago, pk=token.pk).update(last_used_at=Now())
