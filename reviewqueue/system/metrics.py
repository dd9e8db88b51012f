"""Metrics for Prometheus. They need a token instead of a sign-in."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from moderation.api.tokens import note_use
from moderation.models import ApiToken
from moderation.reporting.metrics import CONTENT_TYPE, exposition

HOW_TO_AUTHORIZE = (
    "Send 'Authorization: Bearer TOKEN' with METRICS_TOKEN, or a token of 'manage.py token issue NAME --metrics'.\n"
)


@require_safe
@never_cache
@login_not_required
def metrics(request: HttpRequest) -> HttpResponse:
    """Return the metrics in the text format of Prometheus."""
    if not _is_allowed(request.headers.get("Authorization", "")):
        return HttpResponse(
            HOW_TO_AUTHORIZE, status=401, content_type="text/plain", headers={"WWW-Authenticate": "Bearer"}
        )
    return HttpResponse(exposition(), content_type=CONTENT_TYPE)


def _is_allowed(authorization: str) -> bool:
    """Accept METRICS_TOKEN, which needs no database, or an issued token for metrics."""
    scheme, _, secret = authorization.partition(" ")
    if scheme.lower() != "bearer" or not secret:
        return False
    if settings.METRICS_TOKEN and constant_time_compare(secret, settings.METRICS_TOKEN):
        return True
    token = ApiToken.objects.authenticate(secret, scope=ApiToken.Scope.METRICS)
    if token is not None:
        note_use(token)
    return token is not None
