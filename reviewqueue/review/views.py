"""The queue: claim, look, decide, undo. Every answer to a form brings the next task along."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import retarget

from moderation.models import ClaimLost, Decision, ReviewTask, Skip, UndoRefused
from moderation.review.losses import claim_lost_message
from reviewqueue.navigation import Navigation
from reviewqueue.permissions import ReviewerRequest, can_review, signed_in
from reviewqueue.review.context import claim_next_for, workplace_of
from reviewqueue.review.forms import DecisionForm, UndoForm, claim_of

varies_by_htmx = vary_on_headers("HX-Request")


@require_GET
@never_cache
@varies_by_htmx
@signed_in
def review(request: ReviewerRequest) -> HttpResponseBase:
    """The task that the person holds, or a way to claim one. Claiming is a form's work."""
    if not request.user.has_perm("moderation.review_uploads"):
        return first_page_of(request)
    workplace = workplace_of(request.user, revealed="revealed" in request.GET, picture=request.GET.get("picture", ""))
    return show(request, workplace | {"autostart": True})


@require_POST
@varies_by_htmx
@can_review
def claim(request: ReviewerRequest) -> HttpResponseBase:
    return show_next(request)


@require_POST
@varies_by_htmx
@can_review
def decide(request: ReviewerRequest, pk: int) -> HttpResponseBase:
    """Record a verdict, then show the next task."""
    task = get_object_or_404(ReviewTask.objects.with_upload(), pk=pk)
    claim = claim_of(request, request.user)
    form = DecisionForm(request.POST, task=task)
    if not form.is_valid() and ReviewTask.objects.filter(pk=pk).held_by(claim).exists():
        return show(request, workplace_of(request.user) | {"form": form}, status=422)
    try:
        if not form.is_valid():
            raise ClaimLost(claim_lost_message(task, claim))
        form.decide(claim=claim)
    except ClaimLost as lost:
        return show_next(request, notice=str(lost), status=409)
    return show_next(request)


@require_POST
@varies_by_htmx
@can_review
def skip(request: ReviewerRequest, pk: int) -> HttpResponseBase:
    task = get_object_or_404(ReviewTask.objects.with_upload(), pk=pk)
    try:
        task.skip(claim=claim_of(request, request.user))
    except ClaimLost as lost:
        return show_next(request, notice=str(lost), status=409)
    return show_next(request, notice=f"Skipped {task.upload}. You will not be served it again.")


@require_POST
@varies_by_htmx
@can_review
def clear_skips(request: ReviewerRequest) -> HttpResponseBase:
    """Take back the person's skips of tasks that are still undecided."""
    Skip.objects.filter(
        moderator=request.user, task__screening__in=ReviewTask.objects.undecided().values("screening")
    ).delete()
    return show_next(request)


@require_POST
@varies_by_htmx
@can_review
def undo(request: ReviewerRequest) -> HttpResponseBase:
    """Take back the verdict that the form names, so that a double click does not take back two."""
    form = UndoForm(request.POST)
    if not form.is_valid():
        return show_next(request, notice="No decision has that number. Nothing was changed.", status=409)
    verdicts, named = Decision.objects.last_verdict_of(request.user), form.cleaned_data["decision"]
    decision = (verdicts.filter(pk=named) if named else verdicts).first()
    if decision is None or decision.task is None:
        return show_next(request, notice="That decision was undone already. Nothing was changed.", status=409)
    try:
        undone = decision.task.undo(by=request.user)
    except UndoRefused as refusal:
        return show_next(request, notice=str(refusal), status=409)
    how = "the reverse is in effect" if undone.effects.exists() else "nothing had taken effect"
    return show_next(request, notice=f"Undone: {undone.upload} is back with you, and {how}.")


@require_POST
@varies_by_htmx
@can_review
def renew(request: ReviewerRequest, pk: int) -> HttpResponseBase:
    """Hold on for another lease; the page asks for it by itself while it is visible."""
    task = get_object_or_404(ReviewTask.objects.with_upload(), pk=pk)
    try:
        task.renew(claim=claim_of(request, request.user))
    except ClaimLost as lost:
        return show_lost(request, str(lost))
    if not request.htmx:
        return see_review()
    return render(request, "reviewqueue/review/_lease.html", {"task": task})


@require_GET
@never_cache
@varies_by_htmx
@can_review
def waiting(request: ReviewerRequest) -> HttpResponseBase:
    """What waits, for the page that has nothing to show."""
    if not request.htmx:
        return see_review()
    return render(request, "reviewqueue/review/_waiting.html", workplace_of(request.user))


def show(request: ReviewerRequest, workplace: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """The page, or only the workplace in it."""
    template = "reviewqueue/review/_workplace.html" if request.htmx else "reviewqueue/review/review.html"
    return render(request, template, workplace, status=status)


def show_next(request: ReviewerRequest, *, notice: str = "", status: int = 200) -> HttpResponse:
    """The next task, claimed for this person: in the same answer with htmx, behind a redirect without."""
    claim_next_for(request.user)
    if request.htmx:
        return show(request, workplace_of(request.user) | {"notice": notice, "status": status}, status=status)
    if notice:
        messages.add_message(request, messages.INFO if status == 200 else messages.WARNING, notice)
    return see_review()


def show_lost(request: ReviewerRequest, explanation: str) -> HttpResponse:
    """Say that the task is gone, and leave it to the person when the next one comes."""
    if not request.htmx:
        messages.warning(request, explanation)
        return see_review()
    workplace = {"lost": explanation, "task": None}
    return retarget(show(request, workplace, status=409), "#workplace")


def first_page_of(request: ReviewerRequest) -> HttpResponseRedirect:
    """Everybody signs in to the same address; those who don't review go on to what they may open."""
    entries = Navigation(request, request.user).entries
    if not entries:
        raise PermissionDenied("The account is in no group that may open a page.")
    return HttpResponseRedirect(entries[0].url)


def see_review() -> HttpResponseRedirect:
    """To the queue by GET, whatever this request was (303)."""
    return HttpResponseRedirect("/", status=303)
