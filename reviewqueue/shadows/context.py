"""The context of a shadow's page: shares, changed routes, and the estimates from audits."""

from typing import Any
from urllib.parse import urlencode

from moderation.bounded_count import bounded_count
from moderation.classifiers.previews import make_renditions
from moderation.classifiers.shadow_comparison import ShadowComparison
from moderation.models import Exposure
from moderation.routing import Route
from moderation.tuning import shadow_report
from reviewqueue import rate_rows
from reviewqueue.charts.heat_map import heat_map
from reviewqueue.permissions import ReviewerRequest
from reviewqueue.shadows.forms import ActivateForm, CandidateForm
from reviewqueue.visibility import hidden_among, shown_to

PAGE = 12


def shadow_context(request: ReviewerRequest, comparison: ShadowComparison, *, form: CandidateForm) -> dict[str, Any]:
    """Return the context of the page that compares a classifier in shadow mode with the active one."""
    initial = {
        "low": f"{comparison.low:.2f}",
        "high": f"{comparison.high:.2f}",
        "seen": comparison.version.pk,
    }
    return {
        "form": form,
        "comparison": comparison,
        "chart": heat_map(comparison.histogram, now=comparison.in_force, then=comparison.candidate),
        "shares": _shares(comparison),
        "ways": _ways(comparison, form=form),
        "activate": ActivateForm(initial=initial),
        **_audit_context(comparison),
        **_flips_context(request, comparison, form=form),
    }


def _audit_context(comparison: ShadowComparison) -> dict[str, Any]:
    """Return the estimates from audits at the candidate thresholds, while shadow mode lasts."""
    if comparison.shadow.ended_at is not None:
        return {"report": None}
    report = shadow_report.report_on_shadow(comparison.shadow, low=comparison.low, high=comparison.high)
    return {"report": report, "rates": rate_rows.rates(report), "meters": rate_rows.meters(report)}


def _shares(comparison: ShadowComparison) -> list[dict[str, Any]]:
    """Return for each route its uploads and share now and then, and the change in uploads."""
    return [
        {
            "route": route,
            "now": comparison.uploads(route, then=False),
            "share_now": comparison.share(route, then=False),
            "then": comparison.uploads(route, then=True),
            "share_then": comparison.share(route, then=True),
            "change": comparison.uploads(route, then=True) - comparison.uploads(route, then=False),
        }
        for route in Route
    ]


def _ways(comparison: ShadowComparison, *, form: CandidateForm) -> list[dict[str, Any]]:
    """Return links to the changes from one route to another, the most frequent first."""
    place = {name: value for name, value in form.place.items() if name in {"low", "high"}}
    flows = sorted(comparison.flows.items(), key=lambda flow: -flow[1])
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


def _flips_context(request: ReviewerRequest, comparison: ShadowComparison, *, form: CandidateForm) -> dict[str, Any]:
    """Return a page of uploads whose route would change, each with its image, without those hidden from this person."""
    rows = comparison.flips(way=form.chosen_way)
    page = form.cleaned_data.get("page") or 1
    listed = list(shown_to(request.user, rows)[(page - 1) * PAGE : page * PAGE + 1])
    flips = comparison.described(listed[:PAGE])
    pictured = make_renditions(flips) if flips else set()
    revealed = _revealed_upload(request, form=form)
    return {
        "flips": [(flip, flip.screening.upload_id in pictured, flip.screening.upload_id == revealed) for flip in flips],
        "hidden": bounded_count(hidden_among(request.user, rows)),
        "place": form.place,
        "revealed": form.cleaned_data.get("revealed"),
        "newer": _page_query(form, page - 1) if page > 1 else "",
        "older": _page_query(form, page + 1) if len(listed) > PAGE else "",
    }


def _revealed_upload(request: ReviewerRequest, *, form: CandidateForm) -> int | None:
    """Return the upload that this person has just revealed; None where no reveal holds."""
    token = form.cleaned_data.get("revealed")
    exposure = Exposure.objects.holding().filter(person=request.user, claim_token=token).first() if token else None
    return exposure.upload_id if exposure else None


def _page_query(form: CandidateForm, page: int) -> str:
    return urlencode({**form.place, "page": page})
