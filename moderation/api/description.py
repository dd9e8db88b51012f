"""Who may read the API's description: people who may send uploads, and programs with a token."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from moderation.api.problems import unauthenticated
from moderation.api.tokens import BearerToken

View = Callable[..., HttpResponse]


def for_senders(view: View) -> View:
    """Decorate the documentation page and the OpenAPI description."""

    @require_safe
    @wraps(view)
    def admitted(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if "Authorization" in request.headers or not request.user.is_authenticated:
            return view(request, *args, **kwargs) if BearerToken()(request) else unauthenticated(request)
        if not request.user.has_perm("moderation.send_uploads"):
            raise PermissionDenied("moderation.send_uploads")
        return view(request, *args, **kwargs)

    return admitted
