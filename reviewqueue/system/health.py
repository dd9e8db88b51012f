"""Health checks for operators: is the process alive, and can it work? They need no sign-in and make no session."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from moderation import readiness


@require_safe
@never_cache
@login_not_required
def healthz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """Answer that the process is alive, without a query."""
    return HttpResponse("ok", content_type="text/plain")


@require_safe
@never_cache
@login_not_required
def readyz(request: HttpRequest) -> JsonResponse:  # noqa: ARG001
    """List each part with its problem, if any; 503 where one is not ready."""
    results = list(readiness.checks())
    ready = all(check.ok for check in results)
    answer = {
        "ready": ready,
        "checks": {check.name: {"ok": check.ok, "detail": check.detail} for check in results},
    }
    return JsonResponse(answer, status=200 if ready else 503)
