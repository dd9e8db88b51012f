"""For whoever keeps it running: is the process alive, and can it work? Outside the sign-in rule; no session."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from moderation import readiness


@require_safe
@never_cache
@login_not_required
def healthz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """The process answers; nothing else is asked."""
    return HttpResponse("ok", content_type="text/plain")


@require_safe
@never_cache
@login_not_required
def readyz(request: HttpRequest) -> JsonResponse:  # noqa: ARG001
    """Each part and what is wrong with it; 503 where one is not ready."""
    found = list(readiness.checks())
    ready = all(check.ok for check in found)
    answer = {
        "ready": ready,
        "checks": {check.name: {"ok": check.ok, "detail": check.detail} for check in found},
    }
    return JsonResponse(answer, status=200 if ready else 503)
