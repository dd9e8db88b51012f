"""One entry of a hash list: what is known of it, what it decided, and what people say of it."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from moderation.models import HashEntry, HashMatch, OpinionRefused
from reviewqueue.hash_lists.forms import OpinionForm, SwitchForm
from reviewqueue.hash_lists.views import CHANGES, STAYS, matches_of, page
from reviewqueue.permissions import ReviewerRequest, can_keep_hash_lists
from reviewqueue.review.views import varies_by_htmx

SAID = {
    "confirmed": "Confirmed: the entry goes on routing.",
    "contested": "Contested: the entry routes nothing any more, and what it decided goes to the next pre-screen.",
}


@require_GET
@never_cache
@can_keep_hash_lists
def hash_entry(request: ReviewerRequest, list_pk: int, pk: int) -> HttpResponse:
    return show(request, found(list_pk, pk))


@require_POST
@can_keep_hash_lists
def switch(request: ReviewerRequest, list_pk: int, pk: int) -> HttpResponseBase:
    """Enable, disable or expire the entry, from the next chunk of a pre-screen on."""
    entry, form = found(list_pk, pk), SwitchForm(request.POST)
    if not form.is_valid():
        return show(request, entry, switch=form, status=422)
    messages.success(request, f"The entry {form.switch(entry, by=request.user)}. {STAYS}")
    return HttpResponseRedirect(entry.get_absolute_url(), status=303)


@require_POST
@can_keep_hash_lists
def judge(request: ReviewerRequest, list_pk: int, pk: int) -> HttpResponseBase:
    """Confirm or contest the entry itself."""
    entry, form = found(list_pk, pk), OpinionForm(request.POST)
    if not form.is_valid():
        return show(request, entry, opinion=form, status=422)
    try:
        form.give(entry, by=request.user)
    except OpinionRefused as already:
        messages.warning(request, str(already))
    else:
        messages.success(request, SAID[form.cleaned_data["said"]])
    return HttpResponseRedirect(entry.get_absolute_url(), status=303)


@require_POST
@varies_by_htmx
@can_keep_hash_lists
def judge_match(request: ReviewerRequest, pk: int) -> HttpResponseBase:
    """Confirm or contest the entry because of one match: the match alone with htmx, else the page that it came from."""
    match = get_object_or_404(HashMatch.objects.with_list().select_related("upload"), pk=pk)
    form = OpinionForm(request.POST)
    if not form.is_valid():
        return answer(request, match, form=form, status=422)
    try:
        form.give(match.entry, by=request.user, match=match)
    except OpinionRefused as already:
        return answer(request, match, outcome=str(already), status=409)
    return answer(request, match, outcome=SAID[form.cleaned_data["said"]])


def answer(request: ReviewerRequest, match: HashMatch, *, status: int = 200, **told: Any) -> HttpResponseBase:
    if request.htmx or status == 422:
        match.refresh_from_db(fields=["superseded"])
        match.upload.refresh_from_db(fields=["status"])
        template = (
            "reviewqueue/hash_lists/_hash_match.html" if request.htmx else "reviewqueue/hash_lists/hash_match.html"
        )
        told |= {"match": match, "status": status, "from": request.POST.get("from", "list")}
        return render(request, template, told, status=status)
    messages.add_message(request, messages.SUCCESS if status == 200 else messages.WARNING, told["outcome"])
    return HttpResponseRedirect(back(request, match), status=303)


def back(request: ReviewerRequest, match: HashMatch) -> str:
    """To the upload's page where the form stood there, else to the list's."""
    if request.POST.get("from") == "upload" and request.user.has_perm("moderation.see_uploads"):
        return match.upload.get_absolute_url()
    return reverse("hash_list", args=[match.entry.hash_list_id])


def found(list_pk: int, pk: int) -> HashEntry:
    return get_object_or_404(HashEntry.objects.select_related("hash_list__policy"), hash_list=list_pk, pk=pk)


def show(request: ReviewerRequest, entry: HashEntry, *, status: int = 200, **forms: Any) -> HttpResponse:
    context = {
        "entry": entry,
        "list": entry.hash_list,
        "now": timezone.now(),
        "opinions": entry.opinions.latest_first().select_related("match__upload"),
        "matches": page(request, matches_of(request, HashMatch.objects.filter(entry=entry)), name="matches"),
        "changes": entry.events.order_by("-pgh_id")[:CHANGES],  # type: ignore[attr-defined]
        "switch": forms.get("switch") or SwitchForm(initial={"expires_at": entry.expires_at}),
        "opinion": forms.get("opinion") or OpinionForm(),
    }
    return render(request, "reviewqueue/hash_lists/hash_entry.html", context, status=status)
