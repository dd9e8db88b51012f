"""Uploads that could not be read safely, and a lead's word on each. Nothing of the files themselves is shown."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from moderation.models import Decision, UndoRefused, Upload
from moderation.review.quarantine import NotQuarantined
from moderation.review.quarantine import undo_quarantine as take_back
from reviewqueue.last_decision import describe, unseen_of
from reviewqueue.permissions import ReviewerRequest, can_lead
from reviewqueue.review.forms import QuarantineForm, UndoForm
from reviewqueue.review.views import varies_by_htmx

PER_PAGE = 25

DONE = {
    "retry": "goes to the next pre-screen again",
    "reject": "is rejected",
    "approve": "is approved unseen",
}


@require_GET
@never_cache
@varies_by_htmx
@can_lead
def quarantine(request: ReviewerRequest) -> HttpResponseBase:
    return render(request, "reviewqueue/quarantine/quarantine.html", listing(request))


@require_POST
@varies_by_htmx
@can_lead
def settle_quarantine(request: ReviewerRequest, pk: int) -> HttpResponseBase:
    """Retry, reject or approve unseen, with a reason; the first lead's word counts."""
    upload = get_object_or_404(Upload.objects.select_related("file"), pk=pk)
    form = QuarantineForm(request.POST)
    if not form.is_valid():
        return answer(request, {"upload": upload, "form": form}, status=422)
    try:
        decision = form.settle(upload, by=request.user)
    except NotQuarantined as already:
        return answer(request, {"upload": upload, "outcome": str(already)}, status=409)
    settled = describe(decision) if decision else None
    outcome = f"Upload {pk} {DONE[form.cleaned_data['action']]}."
    return answer(request, {"upload": upload, "outcome": outcome, "settled": settled})


@require_POST
@varies_by_htmx
@can_lead
def undo_quarantine(request: ReviewerRequest, pk: int) -> HttpResponseBase:
    """Take back the person's own word on the upload, as the form names it; it waits in quarantine again."""
    upload = get_object_or_404(Upload.objects.select_related("file"), pk=pk)
    form = UndoForm(request.POST)
    named = form.cleaned_data["decision"] if form.is_valid() else None
    decision = Decision.objects.filter(upload=upload, reviewer=request.user, pk=named or 0).first()
    if decision is None:
        outcome = f"You gave no such word on upload {pk}. Nothing was changed."
        return answer(request, {"upload": upload, "outcome": outcome}, status=409)
    try:
        undone = take_back(decision, by=request.user)
    except UndoRefused as refusal:
        return answer(request, {"upload": upload, "outcome": str(refusal)}, status=409)
    how = "the reverse is in effect" if undone.effects.exists() else "nothing had taken effect"
    return answer(request, {"upload": upload, "notice": f"Undone: upload {pk} is in quarantine again, and {how}."})


def answer(request: ReviewerRequest, row: dict[str, Any], *, status: int = 200) -> HttpResponseBase:
    """The one row with htmx; without, the page again: behind a redirect, or with the error at its field."""
    if request.htmx:
        return render(request, "reviewqueue/quarantine/_quarantined.html", row | {"status": status}, status=status)
    if status == 422:
        return render(request, "reviewqueue/quarantine/quarantine.html", listing(request) | {"wrong": row}, status=422)
    said = row.get("outcome") or row["notice"]
    messages.add_message(request, messages.SUCCESS if status == 200 else messages.WARNING, said)
    return HttpResponseRedirect("/quarantine/", status=303)


def listing(request: ReviewerRequest) -> dict[str, Any]:
    uploads = Upload.objects.quarantined().select_related("file").order_by("received_at", "pk")
    return {
        "page": Paginator(uploads, PER_PAGE).get_page(request.GET.get("page")),
        "settled_by_me": unseen_of(request.user),
    }
