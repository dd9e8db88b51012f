"""The context of the thresholds page: the comparison with a proposal, and the error rates of the pair in force."""

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from moderation import tuning
from moderation.formatting import percent, threshold
from moderation.models import Policy, PolicyVersion
from moderation.review import gold
from moderation.tuning import text, threshold_report
from moderation.tuning.epochs import why_new_epoch
from moderation.tuning.threshold_report import ThresholdReport
from reviewqueue import rate_rows
from reviewqueue.thresholds.comparison import ThresholdComparison
from reviewqueue.thresholds.forms import ThresholdsForm

# Fields of the form that a link to a proposal leaves out.
UNSHARED = {"why", "seen", "seen_draft"}


def thresholds_context(form: ThresholdsForm, *, proposed: PolicyVersion, with_error_rates: bool) -> dict[str, Any]:
    """Return the context of the page, or without error rates that of its other parts."""
    policy = proposed.policy
    form.fields["miss_share"].help_text = _miss_share_help(gold.gold_results(policy))
    current = tuning.in_force(policy)
    report = threshold_report.report_for(policy)
    new_epoch = "" if proposed == current else why_new_epoch(proposed)
    counts = tuning.score_counts(policy)
    return {
        "form": form,
        "policy": policy,
        "policies": Policy.objects.in_force(),
        "current": current,
        "draft": tuning.draft_of(policy),
        "comparison": ThresholdComparison.of(counts, current=current, proposed=proposed),
        "confirmation": tuning.confirmation_for(proposed, current=current, counts=counts),
        "new_epoch": new_epoch,
        "verdicts": tuning.audit_verdicts(current),
        **_compared_context(report, proposed=proposed, new_epoch=bool(new_epoch)),
        **(_error_rates_context(report) if with_error_rates else {}),
    }


def _miss_share_help(results: gold.GoldResults) -> str:
    """Return the results of gold items, as the hint of the field in which admins declare the share."""
    if results.miss_share is None or results.miss_limits is None:
        return "Leave it empty to declare none. Gold items have measured nothing yet."
    low, high = results.miss_limits
    share = f"{percent(results.miss_share)} ({percent(low)} to {percent(high)})"
    measured = f"Measured with gold items: {share}, {results.missed} of {results.violating} verdicts."
    return f"{measured} Leave it empty to declare none."


def _compared_context(report: ThresholdReport, *, proposed: PolicyVersion, new_epoch: bool) -> dict[str, Any]:
    """Compare the pair in force with the proposed one on the closed days, by the same code as `manage.py tune`."""
    then = report.at(proposed)
    return {
        "closed_days": len(report.days),
        "figures": rate_rows.compared_rates(report, then),
        "claims": rate_rows.compared_claims(report, then, new_epoch=new_epoch),
    }


def _error_rates_context(report: ThresholdReport) -> dict[str, Any]:
    """Return the estimates of the pair in force on the closed days, and their recommendation."""
    warnings = text.warnings(report.estimates, report.evidence, agreement=report.agreement) if report.days else []
    return {
        "recommended": text.recommendation_sentence(report.recommendation) if report.days else "",
        "try_best": _link_to_best(report),
        "report": report,
        "rates": rate_rows.rates(report),
        "meters": rate_rows.meters(report),
        "groups": [list(zip(text.GROUP_HEADING, row, strict=True)) for row in text.group_rows(report.groups)],
        "group_heading": text.GROUP_HEADING,
        "about_groups": text.ABOUT_GROUPS,
        "warnings": warnings,
    }


def _link_to_best(report: ThresholdReport) -> str:
    """Return the preview's address for the recommended pair; empty where there is none, or it is in force."""
    best, version = report.recommendation.best if report.recommendation else None, report.version
    if best is None or (best.low, best.high) == (report.low, report.high):
        return ""
    numbers = {
        **ThresholdsForm.showing(version, seen=version, draft=None).initial,
        "low": threshold(best.low),
        "high": threshold(best.high),
    }
    kept = {name: value for name, value in numbers.items() if value is not None and name not in UNSHARED}
    return f"{reverse('thresholds_preview')}?{urlencode(kept)}"
