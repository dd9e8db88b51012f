"""The answers of the queue's views: the page, its workplace alone, the next task, or a lost claim."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django_htmx.http import retarget

from reviewqueue.permissions import ReviewerRequest
from reviewqueue.review.context import ensure_claimed, review_context
from reviewqueue.review.forms import DecisionForm
from reviewqueue.review.looks import IMAGE_MISSING, LookRefusal


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


def render_refusal(request: ReviewerRequest, refusal: LookRefusal, *, form: DecisionForm) -> HttpResponse:
    """Show why the verdict was not recorded, with the task that the person still holds.

    A question whether they mean it replaces only its own place for htmx, so that the stage stays as it is.
    """
    asked = {"form": form, "unseen_asked": refusal.asked, "status": refusal.status}
    if refusal.asked and request.htmx:
        context = asked | {"task": form.task}
        answer = render(request, "reviewqueue/review/_question.html", context, status=refusal.status)
        return retarget(answer, "#question")
    return render_workplace(
        request, review_context(request.user) | asked | {"notice": refusal.notice}, status=refusal.status
    )


def render_missing(request: ReviewerRequest) -> HttpResponse:
    """Show that the image cannot be revealed. Nobody saw it, so no exposure is recorded."""
    context = review_context(request.user) | {"notice": IMAGE_MISSING, "status": 409}
    answer = render_workplace(request, context, status=409)
    return retarget(answer, "#workplace") if request.htmx else answer


def redirect_to_queue() -> HttpResponseRedirect:
    """Redirect to the queue with a GET, whatever this request's method was (303)."""
    return HttpResponseRedirect("/", status=303)
