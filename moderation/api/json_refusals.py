"""Makes every refusal below /api/ JSON, also of an address, a method or a failure that no call of the API answers."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse

from moderation.api.problems import problem

ROOT = "/api/"
IN_THE_CLEAR = (
    "Found a token that was sent over plain HTTP; https is accepted. The call was not carried out. Others may have "
    "read the token on its way: ask the operator to revoke it, and send the call with a new one over https."
)
DETAILS = {
    400: "Found a request that cannot be understood. Correct its address, headers and body and send it again.",
    403: "Found a request that is not allowed here. Nothing was changed. Ask the operator for access.",
    404: "Found no such address. The calls and their addresses are listed in {description}.",
    405: "Found the method {method}; accepted here: {allowed}. The calls are described in {description}.",
    411: "Found no Content-Length; it is required. Send the body in one piece.",
    413: "Found a body that is longer than this address accepts. Send a shorter one.",
}
OTHERWISE = (
    "The call failed on the server. Each change is saved completely or not at all. Send the call again later; if it "
    "fails again, tell the operator: the server's log has the cause."
)


class JsonRefusalsMiddleware:
    """Stands before all other middleware, so that their refusals and failures pass through it as well."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not is_for_programs(request):
            return self.get_response(request)
        if settings.SECURE_SSL_REDIRECT and not request.is_secure() and "Authorization" in request.headers:
            return problem(IN_THE_CLEAR, status=403)
        response = self.get_response(request)
        is_json = response.headers.get("Content-Type", "").startswith("application/json")
        return response if response.status_code < 400 or is_json else _as_json(request, response)


def is_for_programs(request: HttpRequest) -> bool:
    """Whether a program reads the answer. The documentation page is for people."""
    return request.path_info.startswith(ROOT) and request.path != reverse("api-1:openapi-view")


def _as_json(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Replace the page in `response`, whose status and other headers stay."""
    detail = DETAILS.get(response.status_code, OTHERWISE).format(
        method=request.method,
        allowed=response.headers.get("Allow", "none"),
        description=reverse("api-1:openapi-json"),
    )
    response.content = JsonResponse({"detail": detail}).content
    response.headers["Content-Type"] = "application/json"
    response.headers["Content-Length"] = str(len(response.content))
    return response
