"""Reports and appeals: raising one, and the list of them with their answers."""

from django.contrib import messages
from django.db.models import F
from django.http import HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from moderation.decoding.process import SandboxUnavailable
from moderation.models import Objection, Upload
from moderation.review.objection_checks import ObjectionRefused, PolicyUnclear, TooManyObjections
from moderation.storage import StorageFull
from reviewqueue.appeals.forms import ObjectionForm
from reviewqueue.pagination import numbered_page
from reviewqueue.permissions import ReviewerRequest, can_lead, can_review
from reviewqueue.visibility import as_seen_by, objections_as_seen_by, shown_or_404

NO_RENDITION = "The image cannot be shown at the moment. Nothing was saved. Try again later."
# The message for an upload in the review band, word for word.
UNDECIDED = "Nothing is decided about upload {pk} yet: it is in review. Nothing was saved. Appeal when it is."
RAISED = "Your objection to upload {pk} was saved. A person who has not decided on it will review it."
ANSWERED = (
    "Your objection to upload {pk} was saved. The upload was reviewed again for an earlier report, "
    "and that answer stays in force. You need not do anything."
)


@require_GET
@never_cache
@can_lead
def objections(request: ReviewerRequest) -> HttpResponseBase:
    """List reports and appeals: those that wait first, then the newest.

    Those that this person may be asked about come before all others and are all alike, so that neither the rows nor
    their order tell which upload waits.
    """
    rows = objections_as_seen_by(request.user).select_related("upload", "screening__policy", "raised_by", "token")
    page = numbered_page(request, rows.order_by(F("hidden").desc(), F("waits").desc(), "-pk"))
    return render(request, "reviewqueue/appeals/objections.html", {"page": page})


@require_http_methods(["GET", "POST"])
@never_cache
@can_review
def report(request: ReviewerRequest, pk: int) -> HttpResponseBase:
    """Report an upload that the person decided or saw; any other one is not found."""
    return _object_to(request, shown_or_404(request.user, pk), kind=Objection.Kind.REPORT)


@require_http_methods(["GET", "POST"])
@never_cache
@can_lead
def appeal(request: ReviewerRequest, pk: int) -> HttpResponseBase:
    return _object_to(request, get_object_or_404(Upload, pk=pk), kind=Objection.Kind.APPEAL)


def _object_to(request: ReviewerRequest, upload: Upload, *, kind: str) -> HttpResponseBase:
    """Show the form, or record the objection. Nothing of the image or its score is shown."""
    form = ObjectionForm(request.POST or None, upload=upload)
    if request.method == "GET":
        return _render_form(request, form, kind=kind)
    if not form.is_valid():
        return _render_form(request, form, kind=kind, status=422)
    try:
        _check_visibly_decided(request, upload, kind=kind)
        objection = form.raise_objection(kind=kind, by=request.user)
    except (ObjectionRefused, PolicyUnclear) as refusal:
        form.add_error(None, str(refusal))
        return _render_form(request, form, kind=kind, status=409)
    except TooManyObjections as refusal:
        form.add_error(None, str(refusal))
        return _render_form(request, form, kind=kind, status=429)
    except (StorageFull, SandboxUnavailable):
        form.add_error(None, NO_RENDITION)
        return _render_form(request, form, kind=kind, status=409)
    waits = Objection.objects.waiting().filter(pk=objection.pk).exists()
    messages.success(request, (RAISED if waits else ANSWERED).format(pk=upload.pk))
    return HttpResponseRedirect(_way_back(request), status=303)


def _render_form(request: ReviewerRequest, form: ObjectionForm, *, kind: str, status: int = 200) -> HttpResponseBase:
    context = {"upload": form.upload, "form": form, "kind": kind, "back": _way_back(request)}
    return render(request, "reviewqueue/appeals/objection.html", context, status=status)


def _check_visibly_decided(request: ReviewerRequest, upload: Upload, *, kind: str) -> None:
    """Refuse an appeal on an audit that waits, as on any upload in review: otherwise the answer would reveal audits.

    Whoever objected to the upload themselves knows that it waits, and is told so.

    Raises:
        ObjectionRefused: with the message for uploads in the review band.
    """
    seen = as_seen_by(request.user).get(pk=upload.pk)
    mine = Objection.objects.waiting().filter(upload=upload, raised_by=request.user)
    # ``hidden`` is annotated by as_seen_by().
    if kind == Objection.Kind.APPEAL and seen.hidden and not mine.exists():  # type: ignore[attr-defined]
        raise ObjectionRefused(UNDECIDED.format(pk=upload.pk))


def _way_back(request: ReviewerRequest) -> str:
    """Return the address of the list for people who may see it, otherwise that of the queue."""
    return reverse("objections") if request.user.has_perm("moderation.lead_reviews") else reverse("review")
