"""Hash lists: what they are, what is on them, what they decided. No picture is shown of what a list knows."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from moderation.hashlists import exporting, importing
from moderation.hashlists.counts import with_counts
from moderation.hashlists.rows import ListNotAccepted
from moderation.models import HashEntry, HashList, HashMatch
from moderation.models.hash_matches import HashMatchQuerySet
from reviewqueue.hash_lists.forms import ImportForm, NewListForm, SearchForm, SwitchForm
from reviewqueue.permissions import ReviewerRequest, can_keep_hash_lists
from reviewqueue.visibility import shown_to

PER_PAGE = 25
CHANGES = 20
STAYS = "What it has routed stays as it is."


@require_GET
@never_cache
@can_keep_hash_lists
def hash_lists(request: ReviewerRequest) -> HttpResponse:
    return show_all(request, NewListForm())


@require_POST
@can_keep_hash_lists
def create(request: ReviewerRequest) -> HttpResponseBase:
    form = NewListForm(request.POST)
    if not form.is_valid():
        return show_all(request, form, status=422)
    made = form.make(by=request.user)
    messages.success(request, f"{made} is made, and empty. Import its hashes here.")
    return HttpResponseRedirect(made.get_absolute_url(), status=303)


def show_all(request: ReviewerRequest, form: NewListForm, *, status: int = 200) -> HttpResponse:
    lists = with_counts(HashList.objects.select_related("policy", "by")).order_by("policy", "kind", "name")
    context = {"lists": lists, "now": timezone.now(), "form": form}
    return render(request, "reviewqueue/hash_lists/hash_lists.html", context, status=status)


@require_GET
@never_cache
@can_keep_hash_lists
def hash_list(request: ReviewerRequest, pk: int) -> HttpResponse:
    return show(request, found(pk))


@require_POST
@can_keep_hash_lists
def switch(request: ReviewerRequest, pk: int) -> HttpResponseBase:
    """Enable, disable or expire the list, from the next chunk of a pre-screen on."""
    form = SwitchForm(request.POST)
    if not form.is_valid():
        return show(request, found(pk), switch=form, status=422)
    said = form.switch(found(pk), by=request.user)
    messages.success(request, f"The list {said}. {STAYS}")
    return HttpResponseRedirect(found(pk).get_absolute_url(), status=303)


@require_POST
@can_keep_hash_lists
def take_in(request: ReviewerRequest, pk: int) -> HttpResponseBase:
    """Import a file: all of it, or none with what is wrong at the field."""
    form = ImportForm(request.POST, request.FILES)
    if not form.is_valid():
        return show(request, found(pk), taking=form, status=422)
    try:
        imported = form.take_in(found(pk), by=request.user)
    except ListNotAccepted as refusal:
        form.add_error("file", f"{str(refusal)[:1].upper()}{str(refusal)[1:]}. Nothing was imported.")
        return show(request, found(pk), taking=form, status=422)
    messages.success(request, f"Imported: {imported}.")
    return HttpResponseRedirect(found(pk).get_absolute_url(), status=303)


@require_GET
@can_keep_hash_lists
def export(request: ReviewerRequest, pk: int, written_as: str) -> HttpResponseBase:  # noqa: ARG001
    """The whole list as a file, written while it is sent."""
    format_ = next((each for each in importing.FORMATS if each == written_as), None)
    if format_ is None:
        raise Http404(f"{written_as!r} is no format; there are {' and '.join(importing.FORMATS)}.")
    wanted = found(pk)
    answer = StreamingHttpResponse(
        exporting.export(wanted, format=format_), content_type=exporting.MEDIA_TYPES[format_]
    )
    name = f"{slugify(wanted.name) or 'list'}.{exporting.ENDINGS[format_]}"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def found(pk: int) -> HashList:
    return get_object_or_404(with_counts(HashList.objects.select_related("policy", "by")), pk=pk)


def show(request: ReviewerRequest, shown: HashList, *, status: int = 200, **forms: Any) -> HttpResponse:
    search = SearchForm(request.GET if request.method == "GET" else None)
    begins = search.begins if search.is_valid() else ""
    entries = HashEntry.objects.filter(hash_list=shown).order_by("-pk")
    context = {
        "list": shown,
        "now": timezone.now(),
        "search": search,
        "entries": page(request, entries.with_hash(begins) if begins else entries, name="page"),
        "matches": page(request, matches_of(request, HashMatch.objects.filter(entry__hash_list=shown)), name="matches"),
        "changes": shown.events.select_related("by").order_by("-pgh_id")[:CHANGES],  # type: ignore[attr-defined]
        "switch": forms.get("switch") or SwitchForm(initial={"expires_at": shown.expires_at}),
        "taking": forms.get("taking") or ImportForm(),
    }
    return render(request, "reviewqueue/hash_lists/hash_list.html", context, status=status)


def matches_of(request: ReviewerRequest, matches: HashMatchQuerySet) -> HashMatchQuerySet:
    """Those that stand first, then the newest; without what this person may be asked about under another policy."""
    return shown_to(request.user, matches).with_list().select_related("upload").order_by("superseded", "-pk")


def page(request: ReviewerRequest, rows: Any, *, name: str) -> Any:
    return Paginator(rows, PER_PAGE).get_page(request.GET.get(name))
