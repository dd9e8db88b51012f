"""Runs of the pre-screen: the state of the backlog, all runs, and the report of one."""

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from moderation.models import ScreeningRun
from moderation.reporting import text
from moderation.reporting.drift import drift_of
from moderation.reporting.night import Night, NoSuchRun
from moderation.reporting.report import NightReport
from reviewqueue.charts.drift import drift_chart
from reviewqueue.pagination import newest_first
from reviewqueue.permissions import ReviewerRequest, can_see_runs
from reviewqueue.schedule import next_prescreen

PAGE = 30


@require_GET
@can_see_runs
def runs(request: ReviewerRequest) -> HttpResponse:
    """List runs, newest first, below the state of the backlog. ``before`` is the last run of the page before."""
    before = _run_number(request.GET.get("before", ""))
    page, older = newest_first(ScreeningRun.objects.all(), before=before, size=PAGE)
    context = {
        "report": _last_night() if page and before is None else None,
        "runs": page,
        "older": older,
        "is_first_page": before is None,
        "next": next_prescreen(),
    }
    return render(request, "reviewqueue/runs/runs.html", context)


@require_GET
@can_see_runs
def run(request: ReviewerRequest, pk: int) -> HttpResponse:
    """Show the outcome of one run, its policy versions and its scores."""
    try:
        night = Night.of(pk)
    except NoSuchRun as missing:
        raise Http404(str(missing)) from missing
    drift = drift_of(night)
    context = {
        "run": night.runs[0],
        "sections": [text.screening_section(night), text.versions_section(night)],
        "drift": text.drift_section(drift),
        "charts": [drift_chart(each.policy, night=each.night, reference=each.reference) for each in drift],
    }
    return render(request, "reviewqueue/runs/run.html", context)


def _run_number(typed: str) -> int | None:
    """Return the run's number in ``typed``; None where it is not one."""
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 19 else None


def _last_night() -> dict[str, object]:
    report = NightReport.of()
    sections = [text.screening_section(report.night), *text.current_sections(report)]
    return {"attention": report.attention, "sections": sections}
