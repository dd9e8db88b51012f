"""Failures as `{"detail": "..."}` with a status code. The text says what was found and accepted, and what to do."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, ValidationError

from moderation import intake
from moderation.api import idempotency
from moderation.decoding.sandbox import SandboxUnavailable
from moderation.request_limits import declared_length
from moderation.review import objections
from moderation.review.objections import ObjectionRefused
from moderation.storage import StorageFull

logger = logging.getLogger(__name__)

STATUS_CODES: dict[type[Exception], int] = {
    intake.Empty: 422,
    intake.FieldNotAllowed: 422,
    intake.TooManyPixels: 422,
    intake.TooManyFrames: 422,
    intake.TooLarge: 413,
    intake.FormatNotAllowed: 415,
    intake.ConflictingBytes: 409,
    objections.TextNotAllowed: 422,
    objections.PolicyUnclear: 422,
    ObjectionRefused: 409,
    idempotency.KeyTooLong: 422,
    idempotency.KeyReused: 422,
    idempotency.KeyBusy: 409,
    RequestDataTooBig: 413,
    TooManyFieldsSent: 400,
    TooManyFilesSent: 400,
    MultiPartParserError: 400,
}
#: Seconds after which a retry may find more space or a working decoder.
RETRY_AFTER = 60

View = Callable[..., HttpResponse]


def install(api: NinjaAPI) -> None:
    for failure in STATUS_CODES:
        api.add_exception_handler(failure, _refused)
    for failure in (StorageFull, SandboxUnavailable):
        api.add_exception_handler(failure, _unavailable)
    api.add_exception_handler(AuthenticationError, _unauthenticated)
    api.add_exception_handler(ValidationError, _wrong_fields)


def problem(detail: str, *, status: int) -> JsonResponse:
    return JsonResponse({"detail": detail}, status=status)


def _refused(request: HttpRequest, failure: Any) -> HttpResponse:  # noqa: ARG001
    return problem(str(failure), status=STATUS_CODES[type(failure)])


def _unavailable(request: HttpRequest, failure: Any) -> HttpResponse:
    logger.error("%s %s: %s", request.method, request.path, failure)
    response = problem(
        "The image cannot be accepted at the moment. Nothing was stored. Send it again later.", status=503
    )
    response["Retry-After"] = str(RETRY_AFTER)
    return response


def _unauthenticated(request: HttpRequest, failure: Any) -> HttpResponse:  # noqa: ARG001
    accepted = "'Authorization: Bearer sl_...' with a token in force is accepted. Ask the operator for one."
    found = "a token that is unknown or revoked" if "Authorization" in request.headers else "no token"
    response = problem(f"Found {found}; {accepted}", status=401)
    response["WWW-Authenticate"] = 'Bearer realm="Second Look"'
    return response


def _wrong_fields(request: HttpRequest, failure: Any) -> HttpResponse:  # noqa: ARG001
    return problem("; ".join(_sentence(error) for error in failure.errors), status=422)


def _sentence(error: dict[str, Any]) -> str:
    name = error["loc"][-1]
    if error["type"] == "missing":
        return f"Found no {name}; it is required"
    return f"Found a wrong {name}: {error['msg']}"


def length_fits(most: Callable[[], int]) -> Callable[[View], View]:
    """Decorate a view to refuse a body that is too long by its Content-Length, before any of it is read."""

    def decorate(run: View) -> View:
        @wraps(run)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            return _length_refusal(request, most=most()) or run(request, *args, **kwargs)

        return checked

    return decorate


def _length_refusal(request: HttpRequest, *, most: int) -> HttpResponse | None:
    length = declared_length(request)
    if length is None:
        return problem("Found no Content-Length; it is required. Send the body in one piece.", status=411)
    if length > most:
        found = f"Found a body of {length:,} bytes; at most {most:,} are accepted."
        return problem(f"{found} Send a smaller or more strongly compressed image.", status=413)
    return None
