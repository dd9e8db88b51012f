"""Runs of the pre-screen: how things stand, every run, and one run's report."""

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from moderation.models import ScreeningRun
from moderation.reporting import text
from moderation.reporting.drift import drift_of
from moderation.reporting.night import Night, NoSuchRun
from moderation.reporting.report import NightReport
from reviewqueue.charts.drift import drift_chart
from reviewqueue.permissions import ReviewerRequest, can_see_runs
from reviewqueue.schedule import next_prescreen

PAGE = 30


@require_GET
@can_see_runs
def runs(request: ReviewerRequest) -> HttpResponse:
    """How things stand, and the runs, newest first, a page at a time; ``before`` is the last one of the page before."""
    before = request.GET.get("before", "")
    older = {"pk__lt": int(before)} if before.isascii() and before.isdigit() and len(before) < 19 else {}
    page = list(ScreeningRun.objects.filter(**older).order_by("-pk")[: PAGE + 1])
    context = {
        "report": _last_night() if page and not older else None,
        "runs": page[:PAGE],
        "older": page[PAGE - 1].pk if len(page) > PAGE else None,
        "is_first_page": not older,
        "next": next_prescreen(),
    }
    return render(request, "reviewqueue/runs/runs.html", context)


def _last_night() -> dict[str, object]:
    report = NightReport.of()
    return {"attention": report.attention, "sections": [text.done(report.night), *text.standing(report)]}


@require_GET
@can_see_runs
def run(request: ReviewerRequest, pk: int) -> HttpResponse:
    """What one run did, by which rules, and how its scores lie."""
    try:
        night = Night.of(pk)
    except NoSuchRun as missing:
        raise Http404(str(missing)) from missing
    drift = drift_of(night)
    context = {
        "run": night.runs[0],
        "sections": [text.done(night), text.by_rules(night)],
        "drift": text.drifted(drift),
        "charts": [drift_chart(each.policy, night=each.night, reference=each.reference) for each in drift],
    }
    return render(request, "reviewqueue/runs/run.html", context)
