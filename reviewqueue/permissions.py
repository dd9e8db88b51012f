"""Who may open which page. Every view names its permission and requires a sign-in."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, resolve_url
from django.utils.cache import add_never_cache_headers
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from moderation.models import User

View = Callable[..., HttpResponseBase]


class ReviewerRequest(HttpRequest):
    """The request of a view behind ``needs``: the user is signed in, and htmx's headers are parsed."""

    user: User
    htmx: HtmxDetails


def needs(permission: str = "") -> Callable[[View], View]:
    """Admit only people with ``moderation.<permission>``; without one, everyone who is signed in.

    No browser or proxy may keep the answer.
    """

    def decorate(view: View) -> View:
        # LoginRequiredMiddleware would send a form back to an address that accepts only POST, and would let htmx swap
        # the sign-in page in for the next task. So this decorator asks for the sign-in itself.
        @login_not_required
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect_to_sign_in(request)
            if permission and not request.user.has_perm(f"moderation.{permission}"):
                raise PermissionDenied(f"moderation.{permission}")
            answer = view(request, *args, **kwargs)
            # The next person at the same desk must not see it with the browser's back button.
            if not answer.has_header("Cache-Control"):
                add_never_cache_headers(answer)
            return answer

        return checked

    return decorate


def redirect_to_sign_in(request: HttpRequest) -> HttpResponseBase:
    """Redirect to a sign-in that leads back to a page, never to a form's or a claim's address. Nothing is saved.

    Who opens the start lands on the page of their work.
    """
    by_htmx = request.headers.get("HX-Request") == "true"
    is_page = request.method == "GET" and not by_htmx and not request.path.startswith("/claims/")
    back_to = request.get_full_path() if is_page else "/"
    sign_in = resolve_url(settings.LOGIN_URL) + ("?ended=1" if _was_working(request, by_htmx=by_htmx) else "")
    if is_page and request.path == "/":
        return redirect(sign_in)
    answer = redirect_to_login(back_to, sign_in)
    return HttpResponseClientRedirect(answer.url) if by_htmx else answer


def _was_working(request: HttpRequest, *, by_htmx: bool) -> bool:
    """Return whether a session has ended: a page was open that sends this, or the session of the cookie is over."""
    is_over = settings.SESSION_COOKIE_NAME in request.COOKIES and request.session.is_empty()
    return by_htmx or request.method == "POST" or is_over


can_review = needs("review_uploads")
can_lead = needs("lead_reviews")
can_see_uploads = needs("see_uploads")
can_send_uploads = needs("send_uploads")
can_see_thresholds = needs("see_thresholds")
can_publish_thresholds = needs("publish_thresholds")
can_see_runs = needs("see_runs")
can_keep_hash_lists = needs("keep_hash_lists")
signed_in = needs()
