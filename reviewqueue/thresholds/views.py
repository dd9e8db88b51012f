"""Thresholds: the version in force, the preview of a proposal, drafts and publishing."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from moderation import tuning
from moderation.models import Policy, PolicyVersion
from moderation.tuning.versions import ClassifierRetired
from reviewqueue.htmx import varies_by_htmx
from reviewqueue.permissions import ReviewerRequest, can_publish_thresholds, can_see_thresholds
from reviewqueue.policy_choice import get_chosen_policy_or_404, get_policy_or_404
from reviewqueue.published_version import published_message, redirect_to_thresholds
from reviewqueue.thresholds.context import thresholds_context
from reviewqueue.thresholds.forms import ThresholdsForm

REFUSALS = (tuning.PublishedMeanwhile, tuning.DraftedMeanwhile, tuning.SecondPersonNeeded, ClassifierRetired)


@require_GET
@can_see_thresholds
def thresholds(request: ReviewerRequest) -> HttpResponse:
    """Show the version in force and, where there is one, the open draft."""
    policy = get_chosen_policy_or_404(request.GET.get("policy"))
    if policy is None:
        return render(request, "reviewqueue/thresholds/thresholds_without_policy.html")
    current = tuning.in_force(policy)
    draft = tuning.draft_of(policy)
    start = current if request.GET.get("start") == "in_force" else draft or current
    return _render_thresholds(request, ThresholdsForm.showing(start, seen=current, draft=draft), proposed=start)


@require_http_methods(["GET", "POST"])
@varies_by_htmx
@can_see_thresholds
def preview(request: ReviewerRequest) -> HttpResponse:
    """Show the effect of the proposed numbers. Nothing is saved, not even by a POST."""
    data = (request.POST if request.method == "POST" else request.GET).copy()
    policy = get_chosen_policy_or_404(data.get("policy"))
    if policy is None:
        return render(request, "reviewqueue/thresholds/thresholds_without_policy.html")
    current = tuning.in_force(policy)
    # A link with numbers alone is enough.
    data.setdefault("policy", policy.slug)
    data.setdefault("seen", str(current.pk))
    form = ThresholdsForm(data)
    if not form.is_valid():
        return _render_thresholds(request, form, proposed=current, part="preview", status=422)
    proposed = tuning.proposed(current, **form.changes)
    return _render_thresholds(request, form, proposed=proposed, part="preview")


@require_POST
@varies_by_htmx
@can_publish_thresholds
def save_draft(request: ReviewerRequest) -> HttpResponse:
    """Keep the numbers for later. They do not come in force."""
    form = ThresholdsForm(request.POST)
    policy = get_policy_or_404(form.data.get("policy", ""))
    if not form.is_valid():
        return _render_form_again(request, form, policy=policy, status=422)
    try:
        draft = tuning.save_draft(policy, by=request.user, **form.reason_and_seen_draft, **form.changes)
    except tuning.DraftedMeanwhile as meanwhile:
        form.add_error(None, str(meanwhile))
        return _render_form_again(request, form, policy=policy, status=409)
    messages.success(request, f"Saved as draft, version {draft.number}. Nothing changes until you publish it.")
    return redirect_to_thresholds(request, policy)


@require_POST
@varies_by_htmx
@can_publish_thresholds
def publish(request: ReviewerRequest) -> HttpResponse:
    """Put the numbers in force, with a reason."""
    form = ThresholdsForm(request.POST, publishing=True)
    policy = get_policy_or_404(form.data.get("policy", ""))
    if not form.is_valid():
        return _render_form_again(request, form, policy=policy, status=422)
    before = tuning.in_force(policy)
    try:
        after = tuning.publish(policy, by=request.user, **form.what_was_seen, **form.changes)
    except tuning.ConfirmationMissing as asked:
        form.ask_for_confirmation(str(asked))
        return _render_form_again(request, form, policy=policy, status=422)
    except REFUSALS as refusal:
        form.add_error(None, str(refusal))
        return _render_form_again(request, form, policy=policy, status=409)
    messages.success(request, published_message(before, after))
    return redirect_to_thresholds(request, policy)


def _render_form_again(request: ReviewerRequest, form: ThresholdsForm, *, policy: Policy, status: int) -> HttpResponse:
    """Render the form with its values and errors, next to the version that is in force by now."""
    current = tuning.in_force(policy)
    valid = not form.errors.keys() - {"why", "confirmation", "__all__"}
    proposed = tuning.proposed(current, **form.changes) if valid else current
    if status == 409:
        # The person sees the version in force and the draft now, and may replace them the next time.
        form.see_again(seen=current.pk, seen_draft=tuning.draft_mark(tuning.draft_of(policy)))
    return _render_thresholds(request, form, proposed=proposed, part="form", status=status)


def _render_thresholds(
    request: ReviewerRequest, form: ThresholdsForm, *, proposed: PolicyVersion, part: str = "", status: int = 200
) -> HttpResponse:
    """Render the page, or for htmx its ``part``."""
    is_part = bool(part and request.htmx)
    context = thresholds_context(form, proposed=proposed, with_error_rates=not is_part)
    template = f"_threshold_{part}.html" if is_part else "thresholds.html"
    return render(request, f"reviewqueue/thresholds/{template}", context | {"oob": bool(request.htmx)}, status=status)
