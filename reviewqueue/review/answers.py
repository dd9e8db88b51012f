"""The answers of the queue's views: the page, its workplace alone, the next task, or a lost claim."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django_htmx.http import retarget

from reviewqueue.permissions import ReviewerRequest
from reviewqueue.review.context import ensure_claimed, review_context


def render_workplace(request: ReviewerRequest, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """Render the page, or for htmx only its workplace."""
    template = "reviewqueue/review/_workplace.html" if request.htmx else "reviewqueue/review/review.html"
    return render(request, template, context, status=status)


def render_next_task(request: ReviewerRequest, *, notice: str = "", status: int = 200) -> HttpResponse:
    """Claim the next task and show it: in this answer for htmx, otherwise behind a redirect."""
    ensure_claimed(request.user)
    if request.htmx:
        context = review_context(request.user) | {"notice": notice, "status": status}
        return render_workplace(request, context, status=status)
    if notice:
        messages.add_message(request, messages.INFO if status == 200 else messages.WARNING, notice)
    return redirect_to_queue()


def render_claim_lost(request: ReviewerRequest, explanation: str) -> HttpResponse:
    """Show why the claim was lost. The person decides when the next task comes."""
    if not request.htmx:
        messages.warning(request, explanation)
        return redirect_to_queue()
    context = {"lost": explanation, "task": None}
    return retarget(render_workplace(request, context, status=409), "#workplace")


def redirect_to_queue() -> HttpResponseRedirect:
    """Redirect to the queue with a GET, whatever this request's method was (303)."""
    return HttpResponseRedirect("/", status=303)
