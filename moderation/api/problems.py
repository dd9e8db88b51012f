"""Failures as `{"detail": "..."}` with a status code. The text says what was found and accepted, and what to do."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.db import InterfaceError, InternalError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from psycopg.errors import ReadOnlySqlTransaction

from moderation import intake
from moderation.api import idempotency
from moderation.api.parsing import MULTIPART, BodyNotAccepted, FieldNotAccepted, printable
from moderation.decoding.sandbox import SandboxUnavailable
from moderation.request_limits import declared_length, media_type
from moderation.review.objection_checks import ObjectionRefused, PolicyUnclear, TextNotAllowed, TooManyObjections
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
    TextNotAllowed: 422,
    PolicyUnclear: 422,
    ObjectionRefused: 409,
    TooManyObjections: 429,
    idempotency.KeyTooLong: 422,
    idempotency.KeyReused: 422,
    idempotency.KeyBusy: 409,
    FieldNotAccepted: 422,
    BodyNotAccepted: 400,
}
#: Failures that Django finds while it reads a body, each with its status and its message.
BODY_FAILURES: dict[type[Exception], tuple[int, str]] = {
    RequestDataTooBig: (
        413,
        f"Found more than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE:,} bytes in fields that are not files; fewer are "
        "accepted. Shorten them and send them again.",
    ),
    TooManyFieldsSent: (422, "Found far more fields than the call has. Send only those that docs/api.md names."),
    TooManyFilesSent: (
        422,
        f"Found more than {settings.DATA_UPLOAD_MAX_NUMBER_FILES} files; one file a request is accepted. "
        "Nothing was saved. Send each file with a request and an external_id of its own.",
    ),
    MultiPartParserError: (
        400,
        f"Found a body that is not a form ({{failure}}); a form of the type {MULTIPART} is accepted. Correct it and "
        "send it again.",
    ),
}
#: Failures that may mean that the database cannot be used at the moment.
DATABASE_FAILURES = (OperationalError, InterfaceError, InternalError)
#: Seconds after which a retry may find more space, a working decoder or the database.
RETRY_AFTER = 60

View = Callable[..., HttpResponse]


def install(api: NinjaAPI) -> None:
    for failure in STATUS_CODES:
        api.add_exception_handler(failure, _refused)
    for failure in BODY_FAILURES:
        api.add_exception_handler(failure, _body_refused)
    for failure in (StorageFull, SandboxUnavailable):
        api.add_exception_handler(failure, _unavailable)
    for failure in DATABASE_FAILURES:
        api.add_exception_handler(failure, _without_database)
    api.add_exception_handler(HttpError, _http_error)
    api.add_exception_handler(AuthenticationError, lambda request, _: unauthenticated(request))
    api.add_exception_handler(ValidationError, _wrong_fields)


def status_of(failure: Exception) -> int:
    """Return the status of the failure's class, or of the nearest class that it is derived from."""
    return next(STATUS_CODES[each] for each in type(failure).__mro__ if each in STATUS_CODES)


def problem(detail: str, *, status: int) -> JsonResponse:
    return JsonResponse({"detail": detail}, status=status)


def is_passing(failure: BaseException | None) -> bool:
    """Whether the database is away, busy for too long, or read-only, so that a later call may succeed."""
    read_only = isinstance(getattr(failure, "__cause__", None), ReadOnlySqlTransaction)
    return read_only or isinstance(failure, OperationalError | InterfaceError)


def try_later(detail: str) -> JsonResponse:
    return JsonResponse({"detail": detail}, status=503, headers={"Retry-After": str(RETRY_AFTER)})


def without_database() -> JsonResponse:
    return try_later(
        "The server cannot use its database at the moment, so it is not certain that the call had an effect. "
        "Send it again later, with the same Idempotency-Key if it has one."
    )


def _refused(request: HttpRequest, failure: Any) -> HttpResponse:  # noqa: ARG001
    return problem(str(failure), status=status_of(failure))


def _body_refused(request: HttpRequest, failure: Any) -> HttpResponse:  # noqa: ARG001
    status, detail = BODY_FAILURES[type(failure)]
    return problem(detail.format(failure=failure), status=status)


def _unavailable(request: HttpRequest, failure: Any) -> HttpResponse:
    logger.error("%s %s: %s", request.method, request.path, failure)
    return try_later("The image cannot be accepted at the moment. Nothing was stored. Send it again later.")


def _without_database(request: HttpRequest, failure: Any) -> HttpResponse:
    if not is_passing(failure):
        raise failure
    logger.error("%s %s: %s", request.method, request.path, failure)
    return without_database()


def _http_error(request: HttpRequest, failure: Any) -> HttpResponse:
    """Answer with the status of the failure. django-ninja hides what was wrong with a JSON body in its cause."""
    if isinstance(failure.__cause__, FieldNotAccepted | BodyNotAccepted):
        return _refused(request, failure.__cause__)
    return problem(str(failure), status=failure.status_code)


def unauthenticated(request: HttpRequest) -> HttpResponse:
    accepted = "'Authorization: Bearer sl_...' with a token in force is accepted. Ask the operator for one."
    found = "a token that is unknown or revoked" if "Authorization" in request.headers else "no token"
    response = problem(f"Found {found}; {accepted}", status=401)
    response["WWW-Authenticate"] = 'Bearer realm="Second Look"'
    return response


def _wrong_fields(request: HttpRequest, failure: Any) -> HttpResponse:  # noqa: ARG001
    return problem(" ".join(_sentence(error) for error in failure.errors), status=422)


def _sentence(error: dict[str, Any]) -> str:
    name = printable(str(error["loc"][-1])).strip("'")
    match error["type"]:
        case "missing" if error["loc"][0] == "body" and len(error["loc"]) == 2:
            return "Found no body; a JSON object with the call's fields is accepted."
        case "missing":
            return f"Found no {name}; it is required."
        case "value_error":
            return (
                f"Found {error['ctx']['error']} in {name}; text without it is accepted. Take it out and send it again."
            )
    return f"Found a wrong {name}: {error['msg']}."


def takes_form(run: View) -> View:
    """Decorate a call that takes a form with a file: a body of another kind is refused before it is read."""

    @wraps(run)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        found = media_type(request)
        if found == MULTIPART:
            return run(request, *args, **kwargs)
        return problem(
            f"Found a body of the type {printable(found)}; {MULTIPART} is accepted. Send the image as the part 'file' "
            "of a form.",
            status=400,
        )

    return checked


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
