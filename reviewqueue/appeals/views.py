"""Reports and appeals: asking for another look, and what became of those that were asked for."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import F
from django.http import HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from moderation.decoding.process import SandboxUnavailable
from moderation.models import Objection, ObjectionRefused, Upload
from moderation.review.objecting import PolicyUnclear
from moderation.storage import StorageFull
from reviewqueue.appeals.forms import ObjectionForm
from reviewqueue.permissions import ReviewerRequest, can_lead, can_review
from reviewqueue.visibility import as_seen_by

PER_PAGE = 25
LATER = "The image can't be shown at the moment. Nothing was saved. Try again later."
NOT_YET = "Nothing is decided about upload {pk} yet: it is in review. Appeal when it is."
DONE = "Somebody who has not decided on upload {pk} will look at it."
KNOWN = "Upload {pk} was looked at again for an earlier report; that answer stands. Yours is kept with it."


@require_GET
@never_cache
@can_lead
def objections(request: ReviewerRequest) -> HttpResponseBase:
    """Those that wait first, then the newest."""
    found = Objection.objects.with_answer().select_related("upload", "screening__policy", "raised_by", "token")
    page = Paginator(found.order_by(F("waits").desc(), "-pk"), PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "reviewqueue/appeals/objections.html", {"page": page})


@require_http_methods(["GET", "POST"])
@never_cache
@can_review
def report(request: ReviewerRequest, pk: int) -> HttpResponseBase:
    return put(request, pk, kind=Objection.Kind.REPORT)


@require_http_methods(["GET", "POST"])
@never_cache
@can_lead
def appeal(request: ReviewerRequest, pk: int) -> HttpResponseBase:
    return put(request, pk, kind=Objection.Kind.APPEAL)


def put(request: ReviewerRequest, pk: int, *, kind: str) -> HttpResponseBase:
    """The form, or the objection that it makes; nothing of the image or of its score is shown."""
    upload = get_object_or_404(Upload, pk=pk)
    form = ObjectionForm(request.POST or None, upload=upload)
    status = 200
    if request.method == "POST":
        if form.is_valid():
            try:
                refuse_what_looks_undecided(request, upload, kind=kind)
                made = form.put(kind=kind, by=request.user)
            except (ObjectionRefused, PolicyUnclear) as refusal:
                form.add_error(None, str(refusal))
            except (StorageFull, SandboxUnavailable):
                form.add_error(None, LATER)
            else:
                waits = Objection.objects.waiting().filter(pk=made.pk).exists()
                messages.success(request, (DONE if waits else KNOWN).format(pk=pk))
                return HttpResponseRedirect(back(request), status=303)
            status = 409
        else:
            status = 422
    context = {"upload": upload, "form": form, "kind": kind, "back": back(request)}
    return render(request, "reviewqueue/appeals/objection.html", context, status=status)


def refuse_what_looks_undecided(request: ReviewerRequest, upload: Upload, *, kind: str) -> None:
    """Refuse an appeal on what waits for a verdict, as of the band: otherwise only audits could be appealed.

    Raises:
        ObjectionRefused: in the words that the band gets.
    """
    seen = as_seen_by(request.user).get(pk=upload.pk)
    if kind == Objection.Kind.APPEAL and seen.hidden:  # type: ignore[attr-defined]  # annotated by as_seen_by()
        raise ObjectionRefused(NOT_YET.format(pk=upload.pk))


def back(request: ReviewerRequest) -> str:
    """To where the person may see what became of it, else to the queue."""
    return reverse("objections") if request.user.has_perm("moderation.lead_reviews") else reverse("review")
