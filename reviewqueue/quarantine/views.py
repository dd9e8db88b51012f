"""Quarantine: uploads that could not be read safely, and how leads settle them. No page shows anything of the files."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from moderation.models import Decision, Upload
from moderation.review import quarantine as quarantine_process
from moderation.review.deciding import UndoRefused
from moderation.review.quarantine import NotQuarantined
from reviewqueue.htmx import varies_by_htmx
from reviewqueue.last_decision import describe, quarantine_decisions_of
from reviewqueue.pagination import numbered_page
from reviewqueue.permissions import ReviewerRequest, can_lead
from reviewqueue.quarantine.forms import QuarantineForm, UndoForm

SETTLED = {
    "retry": "Upload {pk} left quarantine. The next pre-screen reads it again.",
    "reject": "Upload {pk} is rejected.",
    "approve": "Upload {pk} is approved unseen.",
}


@require_GET
@never_cache
@varies_by_htmx
@can_lead
def quarantine(request: ReviewerRequest) -> HttpResponseBase:
    """List the uploads in quarantine, and those that this person settled lately."""
    return render(request, "reviewqueue/quarantine/quarantine.html", _list_context(request))


@require_POST
@varies_by_htmx
@can_lead
def settle_quarantine(request: ReviewerRequest, pk: int) -> HttpResponseBase:
    """Retry, reject or approve unseen, with a reason. The first lead to act settles the upload."""
    upload = get_object_or_404(Upload.objects.select_related("file"), pk=pk)
    form = QuarantineForm(request.POST)
    if not form.is_valid():
        return _render_row_or_redirect(request, {"upload": upload, "form": form}, status=422)
    try:
        decision = form.settle(upload, by=request.user)
    except NotQuarantined as already:
        return _render_row_or_redirect(request, {"upload": upload, "outcome": str(already)}, status=409)
    settled = describe(decision) if decision else None
    outcome = SETTLED[form.cleaned_data["action"]].format(pk=pk)
    return _render_row_or_redirect(request, {"upload": upload, "outcome": outcome, "settled": settled})


@require_POST
@varies_by_htmx
@can_lead
def undo_quarantine(request: ReviewerRequest, pk: int) -> HttpResponseBase:
    """Undo the person's own decision, which the form names, and put the upload back into quarantine."""
    upload = get_object_or_404(Upload.objects.select_related("file"), pk=pk)
    form = UndoForm(request.POST)
    named = form.cleaned_data["decision"] if form.is_valid() else None
    decision = Decision.objects.filter(upload=upload, reviewer=request.user, pk=named or 0).first()
    if decision is None:
        outcome = f"You have not settled upload {pk}, so there is nothing to undo. Nothing was changed."
        return _render_row_or_redirect(request, {"upload": upload, "outcome": outcome}, status=409)
    try:
        undone = quarantine_process.undo_quarantine(decision, by=request.user)
    except UndoRefused as refusal:
        return _render_row_or_redirect(request, {"upload": upload, "outcome": str(refusal)}, status=409)
    effect = "The reverse is in effect." if undone.effects.exists() else "Nothing had taken effect."
    notice = f"Your decision was undone. {effect} Upload {pk} is in quarantine again."
    return _render_row_or_redirect(request, {"upload": upload, "notice": notice})


def _render_row_or_redirect(request: ReviewerRequest, row: dict[str, Any], *, status: int = 200) -> HttpResponseBase:
    """Render the one row for htmx; otherwise redirect to the page, or render it with the error at its field."""
    if request.htmx:
        return render(request, "reviewqueue/quarantine/_quarantined.html", row | {"status": status}, status=status)
    if status == 422:
        context = _list_context(request) | {"wrong": row}
        return render(request, "reviewqueue/quarantine/quarantine.html", context, status=422)
    text = row.get("outcome") or row["notice"]
    messages.add_message(request, messages.SUCCESS if status == 200 else messages.WARNING, text)
    return HttpResponseRedirect("/quarantine/", status=303)


def _list_context(request: ReviewerRequest) -> dict[str, Any]:
    uploads = Upload.objects.quarantined().select_related("file").order_by("received_at", "pk")
    return {"page": numbered_page(request, uploads), "settled_by_me": quarantine_decisions_of(request.user)}
