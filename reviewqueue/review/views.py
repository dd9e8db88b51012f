"""The queue: claim, decide, skip, undo. The answer to each form shows the next task."""

from django.core.exceptions import PermissionDenied
from django.http import HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from moderation.models import Decision, ReviewTask, Skip
from moderation.review import claiming, deciding
from moderation.review.claims import ClaimLost
from moderation.review.deciding import UndoRefused
from reviewqueue.claim_tokens import posted_claim
from reviewqueue.htmx import varies_by_htmx
from reviewqueue.navigation import Navigation
from reviewqueue.permissions import ReviewerRequest, can_review, signed_in
from reviewqueue.review.answers import redirect_to_queue, render_claim_lost, render_next_task, render_workplace
from reviewqueue.review.context import review_context
from reviewqueue.review.forms import DecisionForm
from reviewqueue.undo_form import UndoForm


@require_GET
@never_cache
@varies_by_htmx
@signed_in
def review(request: ReviewerRequest) -> HttpResponseBase:
    """Show the task that the person holds, or a form that claims one: a GET claims nothing."""
    if not request.user.has_perm("moderation.review_uploads"):
        return _redirect_to_first_page_or_403(request)
    context = review_context(request.user, revealed="revealed" in request.GET, picture=request.GET.get("picture", ""))
    return render_workplace(request, context | {"autostart": True})


@require_POST
@varies_by_htmx
@can_review
def claim(request: ReviewerRequest) -> HttpResponseBase:
    """Claim the next task."""
    return render_next_task(request)


@require_POST
@varies_by_htmx
@can_review
def decide(request: ReviewerRequest, pk: int) -> HttpResponseBase:
    """Record a verdict, then show the next task."""
    task = get_object_or_404(ReviewTask.objects.with_upload(), pk=pk)
    claim = posted_claim(request, moderator=request.user)
    form = DecisionForm(request.POST, task=task)
    if not form.is_valid():
        if claiming.held(task, claim=claim).exists():
            return render_workplace(request, review_context(request.user) | {"form": form}, status=422)
        return render_next_task(request, notice=claiming.claim_lost_message(task, claim=claim), status=409)
    try:
        form.decide(claim=claim)
    except ClaimLost as lost:
        return render_next_task(request, notice=str(lost), status=409)
    return render_next_task(request)


@require_POST
@varies_by_htmx
@can_review
def skip(request: ReviewerRequest, pk: int) -> HttpResponseBase:
    """Give the task back and show the next one."""
    task = get_object_or_404(ReviewTask.objects.with_upload(), pk=pk)
    try:
        claiming.skip(task, claim=posted_claim(request, moderator=request.user))
    except ClaimLost as lost:
        return render_next_task(request, notice=str(lost), status=409)
    return render_next_task(request, notice=f"Upload {task.upload_id} was skipped. You will not see it again.")


@require_POST
@varies_by_htmx
@can_review
def clear_skips(request: ReviewerRequest) -> HttpResponseBase:
    """Take back the person's skips of tasks that are still undecided."""
    Skip.objects.filter(
        moderator=request.user, task__screening__in=ReviewTask.objects.undecided().values("screening")
    ).delete()
    return render_next_task(request)


@require_POST
@varies_by_htmx
@can_review
def undo(request: ReviewerRequest) -> HttpResponseBase:
    """Undo the decision that the form names, so that a double click does not undo two."""
    form = UndoForm(request.POST)
    if not form.is_valid():
        return render_next_task(request, notice="No decision has that number. Nothing was changed.", status=409)
    verdicts, named = Decision.objects.last_verdict_of(request.user), form.cleaned_data["decision"]
    decision = (verdicts.filter(pk=named) if named else verdicts).first()
    if decision is None or decision.task is None:
        return render_next_task(request, notice="That decision was undone already. Nothing was changed.", status=409)
    try:
        undone = deciding.undo(decision.task, by=request.user)
    except UndoRefused as refusal:
        return render_next_task(request, notice=str(refusal), status=409)
    effect = "The reverse is in effect." if undone.effects.exists() else "Nothing had taken effect."
    notice = f"Your decision was undone. {effect} Upload {undone.upload_id} is with you again."
    return render_next_task(request, notice=notice)


@require_POST
@varies_by_htmx
@can_review
def renew(request: ReviewerRequest, pk: int) -> HttpResponseBase:
    """Hold the task for another lease. The page sends this by itself while it is visible."""
    task = get_object_or_404(ReviewTask.objects.with_upload(), pk=pk)
    try:
        claiming.renew(task, claim=posted_claim(request, moderator=request.user))
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


def _redirect_to_first_page_or_403(request: ReviewerRequest) -> HttpResponseRedirect:
    """Redirect people who do not review to the first page that they may open.

    Raises:
        PermissionDenied: they may open none.
    """
    entries = Navigation(request, request.user).entries
    if not entries:
        raise PermissionDenied("The account is in no group that may open a page.")
    return HttpResponseRedirect(entries[0].url)
