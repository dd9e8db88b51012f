"""Classifiers in the shadow of a policy: which there are, and what one would change."""

from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from moderation.classifiers import adoption
from moderation.models import Exposure, Shadow
from moderation.routing import Route
from moderation.tuning import shadow_report
from reviewqueue import rate_rows
from reviewqueue.charts.heat_map import heat_map
from reviewqueue.permissions import ReviewerRequest, can_see_thresholds
from reviewqueue.review.forms import NO_TOKEN
from reviewqueue.shadows.forms import ActivateForm, CandidateForm, StartForm
from reviewqueue.visibility import shown_to

PAGE = 12


@require_http_methods(["GET", "POST"])
@can_see_thresholds
def shadows(request: ReviewerRequest) -> HttpResponse:
    """What scores along and what did; by POST one more begins to."""
    form = StartForm(request.POST or None)
    if request.method == "POST":
        if not request.user.has_perm("moderation.publish_thresholds"):
            raise PermissionDenied("moderation.publish_thresholds")
        if form.is_valid() and (started := start(request, form)):
            return redirect("shadow", started.pk)
    found = Shadow.objects.select_related("classifier", "policy").order_by("-ended_at", "-pk")
    context = {"form": form, "shadows": found[:50]}
    return render(request, "reviewqueue/shadows/shadows.html", context, status=422 if form.is_bound else 200)


def start(request: ReviewerRequest, form: StartForm) -> Shadow | None:
    chosen = form.cleaned_data
    try:
        return adoption.put_in_shadow(chosen["classifier"].name, policy=chosen["policy"].slug, by=request.user)
    except adoption.AdoptionRefused as refused:
        form.add_error(None, str(refused))
        return None


@require_GET
@can_see_thresholds
def shadow(request: ReviewerRequest, pk: int) -> HttpResponse:
    """One shadow beside what rules, at candidate thresholds, with the uploads whose route would flip."""
    found = get_object_or_404(Shadow.objects.select_related("classifier", "policy"), pk=pk)
    form = CandidateForm(request.GET)
    form.is_valid()
    comparison = adoption.ShadowComparison.of(found, **form.pair)
    if not form.errors and not comparison.stated:
        form.data = {**request.GET.dict(), "low": f"{comparison.low:.2f}", "high": f"{comparison.high:.2f}"}
    context = {
        "form": form,
        "found": comparison,
        "chart": heat_map(comparison.beside, now=comparison.in_force, then=comparison.candidate),
        "shares": shares(comparison),
        "ways": ways(comparison, form),
        "activate": ActivateForm(
            initial={"low": f"{comparison.low:.2f}", "high": f"{comparison.high:.2f}", "seen": comparison.version.pk}
        ),
        **audited(comparison),
        **flips(request, comparison, form=form),
    }
    return render(request, "reviewqueue/shadows/shadow.html", context, status=422 if form.errors else 200)


def audited(found: adoption.ShadowComparison) -> dict[str, Any]:
    """What the audits say of it at the candidates, while it is in the shadow."""
    if found.shadow.ended_at is not None:
        return {"proof": None}
    proof = shadow_report.prove(found.shadow, low=found.low, high=found.high)
    return {"proof": proof, "rates": rate_rows.rates(proof), "meters": rate_rows.meters(proof)}


def shares(found: adoption.ShadowComparison) -> list[dict[str, Any]]:
    """For each route: uploads and share now and then, and the change in points."""
    return [
        {
            "route": route,
            "now": found.uploads(route, then=False),
            "share_now": found.share(route, then=False),
            "then": found.uploads(route, then=True),
            "share_then": found.share(route, then=True),
            "change": found.uploads(route, then=True) - found.uploads(route, then=False),
        }
        for route in Route
    ]


def ways(found: adoption.ShadowComparison, form: CandidateForm) -> list[dict[str, Any]]:
    """Links to the flips of one way each, the largest first."""
    place = {name: value for name, value in form.place.items() if name in {"low", "high"}}
    flows = sorted(found.flows.items(), key=lambda flow: -flow[1])
    return [
        {
            "words": f"{now} to {then}",
            "uploads": uploads,
            "query": urlencode({**place, "way": f"{now}-{then}"}),
            "current": form.chosen_way == (now, then),
        }
        for (now, then), uploads in flows
        if now != then
    ]


def flips(request: ReviewerRequest, found: adoption.ShadowComparison, *, form: CandidateForm) -> dict[str, Any]:
    """A page of uploads whose route would flip, each with its picture, as far as this person may know of them."""
    rows = found.flips(way=form.chosen_way)
    shown = shown_to(request.user, rows)
    page = form.cleaned_data.get("page") or 1
    listed = list(shown[(page - 1) * PAGE : page * PAGE + 1])
    described = found.described(listed[:PAGE])
    pictured = adoption.make_renditions(described) if described else set()
    exposure = Exposure.objects.holding().filter(
        person=request.user, claim_token=form.cleaned_data.get("revealed") or NO_TOKEN
    ).first()  # fmt: skip
    revealed = exposure.upload_id if exposure else None
    return {
        "flips": [
            (flip, flip.screening.upload_id in pictured, flip.screening.upload_id == revealed) for flip in described
        ],
        "hidden": rows.count() - shown.count(),
        "place": form.place,
        "revealed": form.cleaned_data.get("revealed"),
        "newer": page_query(form, page - 1) if page > 1 else "",
        "older": page_query(form, page + 1) if len(listed) > PAGE else "",
    }


def page_query(form: CandidateForm, page: int) -> str:
    return urlencode({**form.place, "page": page})
