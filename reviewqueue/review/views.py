"""The queue: claim, decide, skip, undo. The answer to each form shows the next task."""

import uuid

from django.http import HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from moderation.review import claiming
from moderation.review.claims import Claim, ClaimLost
from moderation.review.deciding import UndoRefused
from reviewqueue.htmx import varies_by_htmx
from reviewqueue.landing import landing_url, only_reviews
from reviewqueue.permissions import ReviewerRequest, can_review, signed_in
from reviewqueue.review.answers import (
    redirect_to_queue,
    render_claim_lost,
    render_next_task,
    render_refusal,
    render_workplace,
)
from reviewqueue.review.context import review_context
from reviewqueue.review.forms import DecisionForm
from reviewqueue.review.last_action import describe_last_action
from reviewqueue.review.looks import look_refusal
from reviewqueue.review.undoing import undo_named_action


@require_GET
@never_cache
@varies_by_htmx
@signed_in
def review(request: ReviewerRequest) -> HttpResponseBase:
    """Show the task that the person holds, or a form that claims one: a GET claims nothing."""
    if not request.user.has_perm("moderation.review_uploads"):
        return HttpResponseRedirect(landing_url(request.user))
    context = review_context(request.user, revealed="revealed" in request.GET, picture=request.GET.get("picture", ""))
    return render_workplace(request, context | {"autostart": only_reviews(request.user)})


@require_POST
@varies_by_htmx
@can_review
def claim(request: ReviewerRequest) -> HttpResponseBase:
    """Claim the next task."""
    return render_next_task(request)


@require_POST
@varies_by_htmx
@can_review
def decide(request: ReviewerRequest, token: uuid.UUID) -> HttpResponseBase:
    """Record a verdict, then show the next task."""
    claim = Claim(moderator=request.user, token=token)
    try:
        task = claiming.get_claimed(claim)
        form = DecisionForm(request.POST, task=task)
        if not form.is_valid():
            claiming.check_held(task, claim=claim)
            return render_workplace(request, review_context(request.user) | {"form": form}, status=422)
        if refusal := look_refusal(form, claim=claim):
            claiming.check_held(task, claim=claim)
            return render_refusal(request, refusal, form=form)
        form.decide(claim=claim)
    except ClaimLost as lost:
        return render_next_task(request, notice=str(lost), status=409)
    return render_next_task(request)


@require_POST
@varies_by_htmx
@can_review
def skip(request: ReviewerRequest, token: uuid.UUID) -> HttpResponseBase:
    """Give the task back and show the next one."""
    claim = Claim(moderator=request.user, token=token)
    try:
        claiming.skip(claiming.get_claimed(claim), claim=claim)
    except ClaimLost as lost:
        return render_next_task(request, notice=str(lost), status=409)
    return render_next_task(request)


@require_POST
@varies_by_htmx
@can_review
def clear_skips(request: ReviewerRequest) -> HttpResponseBase:
    """Take back the person's skips of tasks that are still undecided."""
    claiming.take_back_skips(request.user)
    return render_next_task(request)


@require_POST
@varies_by_htmx
@can_review
def undo(request: ReviewerRequest) -> HttpResponseBase:
    """Take back the verdict or the skip that the form names, so that a double click does not take back two."""
    try:
        notice = undo_named_action(request)
    except UndoRefused as refusal:
        return render_next_task(request, notice=str(refusal), status=409)
    return render_next_task(request, notice=notice)


@require_GET
@never_cache
@varies_by_htmx
@can_review
def last_decision(request: ReviewerRequest) -> HttpResponseBase:
    """Show the notice about the last action again: after the grace period it tells score, reason and effect."""
    if not request.htmx:
        return redirect_to_queue()
    return render(request, "reviewqueue/review/_toast.html", {"last": describe_last_action(request.user)})


@require_POST
@varies_by_htmx
@can_review
def renew(request: ReviewerRequest, token: uuid.UUID) -> HttpResponseBase:
    """Hold the task for another lease. The page sends this by itself while it is visible."""
    claim = Claim(moderator=request.user, token=token)
    try:
        task = claiming.get_claimed(claim)
        claiming.renew(task, claim=claim)
    except ClaimLost as lost:
        return render_claim_lost(request, str(lost))
    if not request.htmx:
        return redirect_to_queue()
    return render(request, "reviewqueue/review/_lease.html", {"task": task})


@require_GET
@never_cache
@varies_by_htmx
@can_review
def waiting(request: ReviewerRequest) -> HttpResponseBase:
    """Show how much work is waiting. The empty page polls this."""
    if not request.htmx:
        return redirect_to_queue()
    return render(request, "reviewqueue/review/_waiting.html", review_context(request.user))
