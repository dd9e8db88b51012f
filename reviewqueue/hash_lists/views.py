"""Hash lists: the list of them, and one list with its entries and matches. No page shows an image that a list knows."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from moderation.hashlists import exporting, importing
from moderation.hashlists.counts import with_counts
from moderation.hashlists.rows import ListNotAccepted
from moderation.models import HashEntry, HashList, HashMatch
from reviewqueue.hash_lists.context import ROUTED_STAYS, get_list_or_404, latest_changes, matches_page
from reviewqueue.hash_lists.forms import ImportForm, NewListForm, SearchForm, SwitchForm
from reviewqueue.pagination import ListPage, numbered_page
from reviewqueue.permissions import ReviewerRequest, can_keep_hash_lists


@require_GET
@never_cache
@can_keep_hash_lists
def hash_lists(request: ReviewerRequest) -> HttpResponse:
    """List the hash lists."""
    return _render_lists(request, NewListForm())


@require_POST
@can_keep_hash_lists
def create(request: ReviewerRequest) -> HttpResponseBase:
    """Make an empty list."""
    form = NewListForm(request.POST)
    if not form.is_valid():
        return _render_lists(request, form, status=422)
    created = form.create_list(by=request.user)
    messages.success(request, f"The list {created} was created. It is empty. Import its hashes on this page.")
    return HttpResponseRedirect(created.get_absolute_url(), status=303)


@require_GET
@never_cache
@can_keep_hash_lists
def hash_list(request: ReviewerRequest, pk: int) -> HttpResponse:
    """Show one list with its entries, matches and changes."""
    return _render_list(request, get_list_or_404(pk))


@require_POST
@can_keep_hash_lists
def switch(request: ReviewerRequest, pk: int) -> HttpResponseBase:
    """Enable, disable or expire the list, from the next chunk of a pre-screen on."""
    form, shown = SwitchForm(request.POST), get_list_or_404(pk)
    if not form.is_valid():
        return _render_list(request, shown, switch=form, status=422)
    messages.success(request, f"The list {form.switch(shown, by=request.user)}. {ROUTED_STAYS}")
    return HttpResponseRedirect(shown.get_absolute_url(), status=303)


@require_POST
@can_keep_hash_lists
def import_file(request: ReviewerRequest, pk: int) -> HttpResponseBase:
    """Import all rows of a file. If one is wrong, import none and show the error at the field."""
    form = ImportForm(request.POST, request.FILES)
    if not form.is_valid():
        return _render_list(request, get_list_or_404(pk), import_form=form, status=422)
    try:
        imported = form.import_file(get_list_or_404(pk), by=request.user)
    except ListNotAccepted as refusal:
        form.add_error("file", f"{str(refusal)[:1].upper()}{str(refusal)[1:]}. Nothing was imported.")
        return _render_list(request, get_list_or_404(pk), import_form=form, status=422)
    messages.success(request, f"Imported: {imported}. {imported.left_out_text}".strip())
    return HttpResponseRedirect(get_list_or_404(pk).get_absolute_url(), status=303)


@require_GET
@can_keep_hash_lists
def export(request: ReviewerRequest, pk: int, written_as: str) -> HttpResponseBase:  # noqa: ARG001
    """Stream the whole list as a file."""
    format_ = next((each for each in importing.FORMATS if each == written_as), None)
    if format_ is None:
        raise Http404(f"{written_as!r} is not a format. Use one of: {', '.join(importing.FORMATS)}.")
    exported = get_list_or_404(pk)
    answer = StreamingHttpResponse(
        exporting.export(exported, format=format_), content_type=exporting.MEDIA_TYPES[format_]
    )
    name = f"{slugify(exported.name) or 'list'}.{exporting.ENDINGS[format_]}"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _render_lists(request: ReviewerRequest, form: NewListForm, *, status: int = 200) -> HttpResponse:
    lists = with_counts(HashList.objects.select_related("policy", "by")).order_by("policy", "kind", "name")
    context = {"lists": lists, "now": timezone.now(), "form": form}
    return render(request, "reviewqueue/hash_lists/hash_lists.html", context, status=status)


def _render_list(request: ReviewerRequest, shown: HashList, *, status: int = 200, **forms: Any) -> HttpResponse:
    """Render the page of a list, with the form that has errors in place of an empty one."""
    search = SearchForm(request.GET if request.method == "GET" else None)
    context = {
        "list": shown,
        "now": timezone.now(),
        "search": search,
        "entries": _entries_page(request, shown, search=search),
        "matches": matches_page(request, HashMatch.objects.filter(entry__hash_list=shown)),
        "changes": latest_changes(shown).select_related("by"),
        "switch": forms.get("switch") or SwitchForm(initial={"expires_at": shown.expires_at}),
        "import_form": forms.get("import_form") or ImportForm(),
    }
    return render(request, "reviewqueue/hash_lists/hash_list.html", context, status=status)


def _entries_page(request: ReviewerRequest, hash_list: HashList, *, search: SearchForm) -> ListPage:
    """Return a page of the entries whose hash begins as searched, the newest first."""
    begins = search.begins if search.is_valid() else ""
    entries = HashEntry.objects.filter(hash_list=hash_list).order_by("-pk")
    return numbered_page(request, entries.with_hash(begins) if begins else entries)
