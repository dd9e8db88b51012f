"""Thresholds: what is in force, what a proposal would do, drafts, publishing."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRedirect

from moderation import tuning
from moderation.formatting import percent
from moderation.models import Policy, PolicyVersion
from moderation.review import gold
from moderation.tuning import text, threshold_report
from reviewqueue import rate_rows
from reviewqueue.permissions import ReviewerRequest, can_publish_thresholds, can_see_thresholds
from reviewqueue.schedule import next_prescreen
from reviewqueue.thresholds.comparison import ThresholdComparison
from reviewqueue.thresholds.forms import ThresholdsForm


@require_GET
@can_see_thresholds
def thresholds(request: ReviewerRequest) -> HttpResponse:
    """The version in force and, where there is one, the open draft beside it."""
    policy = chosen_policy(request.GET.get("policy"))
    if policy is None:
        return render(request, "reviewqueue/thresholds/thresholds_without_policy.html")
    current = tuning.in_force(policy)
    start = current if request.GET.get("start") == "in_force" else tuning.draft_of(policy) or current
    return show(request, ThresholdsForm.showing(start, seen=current), proposed=start)


@require_http_methods(["GET", "POST"])
@vary_on_headers("HX-Request")
@can_see_thresholds
def preview(request: ReviewerRequest) -> HttpResponse:
    """What the proposed numbers would do; nothing is saved, by POST neither."""
    data = (request.POST if request.method == "POST" else request.GET).copy()
    policy = chosen_policy(data.get("policy"))
    if policy is None:
        return render(request, "reviewqueue/thresholds/thresholds_without_policy.html")
    current = tuning.in_force(policy)
    # A link with numbers alone is enough.
    data.setdefault("policy", policy.slug)
    data.setdefault("seen", str(current.pk))
    form = ThresholdsForm(data)
    if not form.is_valid():
        return show(request, form, proposed=current, part="preview", status=422)
    proposed = tuning.proposed(current, **form.changes)
    return show(request, form, proposed=proposed, part="preview")


@require_POST
@vary_on_headers("HX-Request")
@can_publish_thresholds
def save_draft(request: ReviewerRequest) -> HttpResponse:
    """Keep the numbers for later; nothing is in force because of it."""
    form = ThresholdsForm(request.POST)
    policy = policy_named(form.data.get("policy", ""))
    if not form.is_valid():
        return show_again(request, form, policy=policy, status=422)
    draft = tuning.save_draft(policy, by=request.user, why=form.cleaned_data["why"], **form.changes)
    messages.success(request, f"Saved as draft, version {draft.number}. Nothing changes until it is published.")
    return go_to(request, policy)


@require_POST
@vary_on_headers("HX-Request")
@can_publish_thresholds
def publish(request: ReviewerRequest) -> HttpResponse:
    """Put the numbers in force, with a reason."""
    form = ThresholdsForm(request.POST, publishing=True)
    policy = policy_named(form.data.get("policy", ""))
    if not form.is_valid():
        return show_again(request, form, policy=policy, status=422)
    why, seen = form.cleaned_data["why"], form.cleaned_data["seen"]
    before = tuning.in_force(policy)
    try:
        after = tuning.publish(policy, by=request.user, why=why, seen=seen, **form.changes)
    except tuning.PublishedMeanwhile as meanwhile:
        form.add_error(None, str(meanwhile))
        return show_again(request, form, policy=policy, status=409)
    messages.success(request, what_happened(before, after))
    return go_to(request, policy)


def chosen_policy(slug: str | None) -> Policy | None:
    """The policy that the page is about: the one named, else the first in force.

    Raises:
        Http404: the named one is not in force.
    """
    return policy_named(slug) if slug else Policy.objects.in_force().first()


def policy_named(slug: str) -> Policy:
    """The policy in force of that name.

    Raises:
        Http404: there is none.
    """
    if "\0" in slug:
        # PostgreSQL can't even look for it.
        raise Http404("A policy's name has no NUL character.")
    return get_object_or_404(Policy.objects.in_force(), slug=slug)


def show(
    request: ReviewerRequest, form: ThresholdsForm, *, proposed: PolicyVersion, part: str = "", status: int = 200
) -> HttpResponse:
    """The page, or the ``part`` of it that htmx asked for."""
    policy = proposed.policy
    form.fields["miss_share"].help_text = words_of_miss_share(gold.gold_results(policy))
    current = tuning.in_force(policy)
    finding = threshold_report.report_for(policy)
    new_epoch = "" if proposed == current else proposed.why_new_epoch()
    context: dict[str, Any] = {
        "form": form,
        "policy": policy,
        "policies": Policy.objects.in_force(),
        "current": current,
        "draft": tuning.draft_of(policy),
        "comparison": ThresholdComparison.of(tuning.score_counts(policy), current=current, proposed=proposed),
        "new_epoch": new_epoch,
        **pairs_compared(finding, proposed=proposed, new_epoch=bool(new_epoch)),
        "verdicts": tuning.audit_verdicts(current),
        "oob": bool(request.htmx),
    }
    if not (part and request.htmx):
        context |= error_rates_of(finding)
    template = f"_threshold_{part}.html" if part and request.htmx else "thresholds.html"
    return render(request, f"reviewqueue/thresholds/{template}", context, status=status)


def words_of_miss_share(found: gold.GoldResults) -> str:
    """What gold items say, beside the field where it is declared."""
    if found.miss_share is None or found.miss_limits is None:
        return "Empty or 0: not declared. Gold items have measured nothing yet."
    low, high = found.miss_limits
    share = f"{percent(found.miss_share)} ({percent(low)} to {percent(high)})"
    return f"Measured with gold items: {share}, {found.missed} of {found.violating} verdicts. Empty or 0: not declared."


def pairs_compared(
    finding: threshold_report.ThresholdReport, *, proposed: PolicyVersion, new_epoch: bool
) -> dict[str, Any]:
    """What the closed days say of the pair in force and of the proposed one, by the same code as `manage.py tune`."""
    then = finding.at(proposed)
    return {
        "closed_days": len(finding.days),
        "figures": rate_rows.compared(finding, then),
        "claims": rate_rows.claimed(finding, then, new_epoch=new_epoch),
    }


def error_rates_of(finding: threshold_report.ThresholdReport) -> dict[str, Any]:
    """What the closed days say of the pair in force, and what they recommend."""
    return {
        "recommended": text.recommendation_sentence(finding.recommendation) if finding.days else "",
        "try_best": link_to_best(finding),
        "finding": finding,
        "rates": rate_rows.rates(finding),
        "meters": rate_rows.meters(finding),
        "groups": text.group_rows(finding.groups),
        "group_heading": text.GROUP_HEADING,
        "about_groups": text.ABOUT_GROUPS,
        "warnings": text.warnings(finding.estimates, finding.evidence, agreement=finding.agreement)
        if finding.days
        else [],
    }


def link_to_best(finding: threshold_report.ThresholdReport) -> str:
    """The preview of the recommended pair; empty where there is none, or it is in force."""
    best, version = finding.recommendation.best if finding.recommendation else None, finding.version
    if best is None or (best.low, best.high) == (finding.low, finding.high):
        return ""
    numbers = {
        **ThresholdsForm.showing(version, seen=version).initial,
        "low": f"{best.low:.2f}",
        "high": f"{best.high:.2f}",
    }
    kept = {name: value for name, value in numbers.items() if value is not None and name not in {"why", "seen"}}
    return f"{reverse('thresholds_preview')}?{urlencode(kept)}"


def show_again(request: ReviewerRequest, form: ThresholdsForm, *, policy: Policy, status: int) -> HttpResponse:
    """The form with what was typed and what is wrong with it, beside what is in force by now."""
    current = tuning.in_force(policy)
    proposed = tuning.proposed(current, **form.changes) if not form.errors.keys() - {"why", "__all__"} else current
    if status == 409:
        # Whoever publishes again has read what is in force now.
        form.data = {**form.data, "seen": current.pk}
    return show(request, form, proposed=proposed, part="form", status=status)


def go_to(request: ReviewerRequest, policy: Policy) -> HttpResponse:
    """The thresholds page as it is now, whole: the message stands above what htmx would swap."""
    url = f"{reverse('thresholds')}?policy={policy.slug}"
    return HttpResponseClientRedirect(url) if request.htmx else redirect(url)


def what_happened(before: PolicyVersion, after: PolicyVersion) -> str:
    text = (
        f"Version {after.number} is in force: low {after.low:.2f}, high {after.high:.2f}. "
        f"The next pre-screen uses it, by schedule on {next_prescreen():%-d %B at %H:%M}; "
        "uploads that were screened already keep their routes. "
    )
    if after.epoch == before.epoch:
        return text + "The epoch goes on: verdicts collected so far keep counting."
    assert after.epoch is not None
    return text + f"A new epoch began, so evidence is collected from the start: {after.epoch.why_opened}"
