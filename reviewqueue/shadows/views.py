"""Classifiers in shadow mode: the list of them, and the changes that one would cause."""

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from moderation.classifiers.errors import AdoptionRefused
from moderation.classifiers.shadow_comparison import ShadowComparison
from moderation.classifiers.shadow_mode import start_shadow_mode
from moderation.models import Shadow
from reviewqueue.permissions import ReviewerRequest, can_see_thresholds
from reviewqueue.shadows.context import shadow_context
from reviewqueue.shadows.forms import CandidateForm, StartForm

SHOWN_AT_MOST = 50


@require_http_methods(["GET", "POST"])
@can_see_thresholds
def shadows(request: ReviewerRequest) -> HttpResponse:
    """List the classifiers in shadow mode and those that were. A POST starts another one."""
    form = StartForm(request.POST or None)
    if request.method == "POST":
        if not request.user.has_perm("moderation.publish_thresholds"):
            raise PermissionDenied("moderation.publish_thresholds")
        if form.is_valid() and (started := _start_or_add_error(request, form)):
            return redirect("shadow", started.pk)
    rows = Shadow.objects.select_related("classifier", "policy").order_by("-ended_at", "-pk")
    context = {"form": form, "shadows": rows[:SHOWN_AT_MOST]}
    return render(request, "reviewqueue/shadows/shadows.html", context, status=422 if form.is_bound else 200)


@require_GET
@can_see_thresholds
def shadow(request: ReviewerRequest, pk: int) -> HttpResponse:
    """Compare a classifier in shadow mode with the active one, at candidate thresholds."""
    row = get_object_or_404(Shadow.objects.select_related("classifier", "policy"), pk=pk)
    form = CandidateForm(request.GET)
    form.is_valid()
    comparison = ShadowComparison.of(row, **form.pair)
    if not form.errors and not comparison.stated:
        form.data = {**request.GET.dict(), "low": f"{comparison.low:.2f}", "high": f"{comparison.high:.2f}"}
    context = shadow_context(request, comparison, form=form)
    return render(request, "reviewqueue/shadows/shadow.html", context, status=422 if form.errors else 200)


def _start_or_add_error(request: ReviewerRequest, form: StartForm) -> Shadow | None:
    """Start shadow mode, or return None and add the refusal to ``form``."""
    chosen = form.cleaned_data
    try:
        return start_shadow_mode(chosen["classifier"].name, policy=chosen["policy"].slug, by=request.user)
    except AdoptionRefused as refused:
        form.add_error(None, str(refused))
        return None
