"""Every failure as {"detail": "..."} with its status code: what was found, what is accepted, what to do."""

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
from moderation.models import ObjectionRefused
from moderation.request_limits import declared_length
from moderation.review import objecting
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
    objecting.TextNotAllowed: 422,
    objecting.PolicyUnclear: 422,
    ObjectionRefused: 409,
    idempotency.KeyTooLong: 422,
    idempotency.KeyReused: 422,
    idempotency.KeyBusy: 409,
    RequestDataTooBig: 413,
    TooManyFieldsSent: 400,
    TooManyFilesSent: 400,
    MultiPartParserError: 400,
}
#: Seconds after which a retry may meet more space or a working decoder.
RETRY_AFTER = 60

View = Callable[..., HttpResponse]


def install(api: NinjaAPI) -> None:
    for failure in STATUS_CODES:
        api.add_exception_handler(failure, refused)
    for failure in (StorageFull, SandboxUnavailable):
        api.add_exception_handler(failure, out_of_order)
    api.add_exception_handler(AuthenticationError, unauthenticated)
    api.add_exception_handler(ValidationError, wrong_fields)


def problem(detail: str, *, status: int) -> JsonResponse:
    return JsonResponse({"detail": detail}, status=status)


def refused(request: HttpRequest, failure: Any) -> HttpResponse:  # noqa: ARG001
    return problem(str(failure), status=STATUS_CODES[type(failure)])


def out_of_order(request: HttpRequest, failure: Any) -> HttpResponse:
    logger.error("%s %s: %s", request.method, request.path, failure)
    response = problem("The image can't be taken at the moment. Nothing was kept. Send it again later.", status=503)
    response["Retry-After"] = str(RETRY_AFTER)
    return response


def unauthenticated(request: HttpRequest, failure: Any) -> HttpResponse:  # noqa: ARG001
    accepted = "'Authorization: Bearer sl_...' with a token in force is accepted. Ask the operator for one."
    found = "a token that is unknown or revoked" if "Authorization" in request.headers else "no token"
    response = problem(f"Found {found}; {accepted}", status=401)
    response["WWW-Authenticate"] = 'Bearer realm="Second Look"'
    return response


def wrong_fields(request: HttpRequest, failure: Any) -> HttpResponse:  # noqa: ARG001
    return problem("; ".join(_sentence(error) for error in failure.errors), status=422)


def _sentence(error: dict[str, Any]) -> str:
    name = error["loc"][-1]
    if error["type"] == "missing":
        return f"Found no {name}; it is required"
    return f"Found a wrong {name}: {error['msg']}"


def length_fits(most: Callable[[], int]) -> Callable[[View], View]:
    """Refuse a body by its Content-Length, before a byte of it is read."""

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
