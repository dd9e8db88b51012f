"""Who may open which page. Every view names its permission; signing in comes first."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.utils.cache import add_never_cache_headers
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from moderation.models import User

View = Callable[..., HttpResponseBase]


class ReviewerRequest(HttpRequest):
    """A request as views get it behind ``needs``: signed in, and htmx's headers read."""

    user: User
    htmx: HtmxDetails


def needs(permission: str = "") -> Callable[[View], View]:
    """Let only people with ``moderation.<permission>`` in; without one, everybody who is signed in.

    No browser or proxy keeps what they are shown.
    """

    def decorate(view: View) -> View:
        # LoginRequiredMiddleware would answer a form with a way back that can only be posted to, and htmx with a
        # sign-in page in the place of the next task. So this decorator asks for the sign-in itself.
        @login_not_required
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return sign_in_first(request)
            if permission and not request.user.has_perm(f"moderation.{permission}"):
                raise PermissionDenied(f"moderation.{permission}")
            answer = view(request, *args, **kwargs)
            # Who signs in next at the same desk must not see it by going back.
            if not answer.has_header("Cache-Control"):
                add_never_cache_headers(answer)
            return answer

        return checked

    return decorate


def sign_in_first(request: HttpRequest) -> HttpResponseBase:
    """Ask for a sign-in that leads back to a page, never to a form's address. Nothing is saved."""
    by_htmx = request.headers.get("HX-Request") == "true"
    back_to = request.get_full_path() if request.method == "GET" and not by_htmx else "/"
    answer = redirect_to_login(back_to, settings.LOGIN_URL)
    return HttpResponseClientRedirect(answer.url) if by_htmx else answer


can_review = needs("review_uploads")
can_lead = needs("lead_reviews")
can_see_uploads = needs("see_uploads")
can_send_uploads = needs("send_uploads")
can_see_thresholds = needs("see_thresholds")
can_publish_thresholds = needs("publish_thresholds")
can_see_runs = needs("see_runs")
can_keep_hash_lists = needs("keep_hash_lists")
signed_in = needs()
