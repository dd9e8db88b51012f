"""One entry of a hash list: its hash, its matches and its reviews."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from moderation.hashlists.entry_reviews import EntryReviewRefused
from moderation.models import HashEntry, HashMatch
from reviewqueue.hash_lists.context import ROUTED_STAYS, get_entry_or_404, latest_changes, matches_page
from reviewqueue.hash_lists.forms import EntryReviewForm, SwitchForm
from reviewqueue.htmx import varies_by_htmx
from reviewqueue.permissions import ReviewerRequest, can_keep_hash_lists

REVIEWED = {
    "confirmed": "The entry is confirmed. It goes on routing.",
    "contested": (
        "The entry is contested. It routes nothing any more, and the uploads that it decided go to the next pre-screen."
    ),
}


@require_GET
@never_cache
@can_keep_hash_lists
def hash_entry(request: ReviewerRequest, list_pk: int, pk: int) -> HttpResponse:
    """Show one entry with its reviews, matches and changes."""
    return _render_entry(request, get_entry_or_404(list_pk, pk))


@require_POST
@can_keep_hash_lists
def switch(request: ReviewerRequest, list_pk: int, pk: int) -> HttpResponseBase:
    """Enable, disable or expire the entry, from the next chunk of a pre-screen on."""
    entry, form = get_entry_or_404(list_pk, pk), SwitchForm(request.POST)
    if not form.is_valid():
        return _render_entry(request, entry, switch=form, status=422)
    messages.success(request, f"The entry {form.switch(entry, by=request.user)}. {ROUTED_STAYS}")
    return HttpResponseRedirect(entry.get_absolute_url(), status=303)


@require_POST
@can_keep_hash_lists
def review(request: ReviewerRequest, list_pk: int, pk: int) -> HttpResponseBase:
    """Confirm or contest the entry itself."""
    entry, form = get_entry_or_404(list_pk, pk), EntryReviewForm(request.POST)
    if not form.is_valid():
        return _render_entry(request, entry, review_form=form, status=422)
    try:
        form.save_review(entry, by=request.user)
    except EntryReviewRefused as already:
        messages.warning(request, str(already))
    else:
        messages.success(request, REVIEWED[form.cleaned_data["state"]])
    return HttpResponseRedirect(entry.get_absolute_url(), status=303)


@require_POST
@varies_by_htmx
@can_keep_hash_lists
def review_match(request: ReviewerRequest, pk: int) -> HttpResponseBase:
    """Confirm or contest the entry because of one match."""
    match = get_object_or_404(HashMatch.objects.with_list().select_related("upload"), pk=pk)
    form = EntryReviewForm(request.POST)
    if not form.is_valid():
        return _render_match_or_redirect(request, match, form=form, status=422)
    try:
        form.save_review(match.entry, by=request.user, match=match)
    except EntryReviewRefused as already:
        return _render_match_or_redirect(request, match, outcome=str(already), status=409)
    return _render_match_or_redirect(request, match, outcome=REVIEWED[form.cleaned_data["state"]])


def _render_match_or_redirect(
    request: ReviewerRequest, match: HashMatch, *, status: int = 200, **content: Any
) -> HttpResponseBase:
    """Render the match alone for htmx; otherwise redirect to the page of the form, or render its errors."""
    if request.htmx or status == 422:
        match.refresh_from_db(fields=["superseded"])
        match.upload.refresh_from_db(fields=["status"])
        template = "_hash_match.html" if request.htmx else "hash_match.html"
        context = content | {"match": match, "status": status, "from": request.POST.get("from", "list")}
        return render(request, f"reviewqueue/hash_lists/{template}", context, status=status)
    messages.add_message(request, messages.SUCCESS if status == 200 else messages.WARNING, content["outcome"])
    return HttpResponseRedirect(_way_back(request, match), status=303)


def _way_back(request: ReviewerRequest, match: HashMatch) -> str:
    """Return the address of the upload if the form stood on its page, otherwise that of the list."""
    if request.POST.get("from") == "upload" and request.user.has_perm("moderation.see_uploads"):
        return match.upload.get_absolute_url()
    return reverse("hash_list", args=[match.entry.hash_list_id])


def _render_entry(request: ReviewerRequest, entry: HashEntry, *, status: int = 200, **forms: Any) -> HttpResponse:
    """Render the page of an entry, with the form that has errors in place of an empty one."""
    context = {
        "entry": entry,
        "list": entry.hash_list,
        "now": timezone.now(),
        "reviews": entry.reviews.latest_first().select_related("match__upload"),
        "matches": matches_page(request, HashMatch.objects.filter(entry=entry)),
        "changes": latest_changes(entry),
        "switch": forms.get("switch") or SwitchForm(initial={"expires_at": entry.expires_at}),
        "review_form": forms.get("review_form") or EntryReviewForm(),
    }
    return render(request, "reviewqueue/hash_lists/hash_entry.html", context, status=status)
