"""Gold items: the share that moderators miss, pooled for admins and alone for each person. No page lists people."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from moderation.decoding.process import SandboxUnavailable
from moderation.models import GoldItem, Policy
from moderation.review import gold
from moderation.review.objection_checks import ObjectionRefused, PolicyUnclear
from moderation.storage import StorageFull
from reviewqueue.gold.forms import MarkForm, RateForm, RetireForm
from reviewqueue.permissions import ReviewerRequest, can_publish_thresholds, can_review
from reviewqueue.policy_choice import get_chosen_policy_or_404, get_policy_or_404

NO_RENDITION = "The image cannot be shown at the moment. Nothing was saved. Try again later."


@require_GET
@never_cache
@can_publish_thresholds
def items(request: ReviewerRequest) -> HttpResponse:
    """Show the items in use, their results, and how often people meet one."""
    policy = get_chosen_policy_or_404(request.GET.get("policy"))
    if policy is None:
        return render(request, "reviewqueue/thresholds/thresholds_without_policy.html")
    upload = request.GET.get("upload", "")
    return _render_gold(request, policy, mark=MarkForm(initial={"upload": upload if upload.isdecimal() else ""}))


@require_POST
@can_publish_thresholds
def mark(request: ReviewerRequest) -> HttpResponse:
    """Mark an upload as a gold item."""
    policy = get_policy_or_404(request.POST.get("policy", ""))
    form = MarkForm(request.POST)
    if not form.is_valid():
        return _render_gold(request, policy, mark=form, status=422)
    try:
        item = form.mark(policy=policy, by=request.user)
    except (gold.NotGold, ObjectionRefused, PolicyUnclear) as refusal:
        form.add_error("upload", str(refusal))
        return _render_gold(request, policy, mark=form, status=409)
    except (StorageFull, SandboxUnavailable):
        form.add_error("upload", NO_RENDITION)
        return _render_gold(request, policy, mark=form, status=503)
    messages.success(
        request, f"Upload {item.screening.upload_id} is a gold item now. Its right verdict is {item.truth}."
    )
    return _redirect_to_gold(policy)


@require_POST
@can_publish_thresholds
def retire(request: ReviewerRequest, pk: int) -> HttpResponse:
    """Take an item out of use."""
    item = get_object_or_404(GoldItem.objects.select_related("policy", "screening__upload"), pk=pk)
    form = RetireForm(request.POST)
    if not form.is_valid():
        return _render_gold(request, item.policy, wrong={"item": item, "form": form}, status=422)
    try:
        gold.retire(item, why=form.cleaned_data["why"])
    except gold.NotGold as refusal:
        messages.warning(request, str(refusal))
    else:
        messages.success(
            request,
            f"The gold item on upload {item.screening.upload_id} was retired. It will not be served again, "
            "and its verdicts no longer count.",
        )
    return _redirect_to_gold(item.policy)


@require_POST
@can_publish_thresholds
def rate(request: ReviewerRequest) -> HttpResponse:
    """Set how often people meet a gold item."""
    policy = get_policy_or_404(request.POST.get("policy", ""))
    form = RateForm(request.POST)
    if not form.is_valid():
        return _render_gold(request, policy, rate=form, status=422)
    gold.set_rate(policy, rate=form.as_share)
    messages.success(
        request, f"The rate is set: {form.cleaned_data['rate']} % of the tasks that people claim are gold items."
    )
    return _redirect_to_gold(policy)


@require_GET
@never_cache
@can_review
def checks(request: ReviewerRequest) -> HttpResponse:
    """Show the person's own results, and nobody else's."""
    by_policy = [(policy, gold.gold_results(policy, reviewer=request.user)) for policy in Policy.objects.in_force()]
    return render(request, "reviewqueue/gold/checks.html", {"by_policy": by_policy})


def _render_gold(request: ReviewerRequest, policy: Policy, *, status: int = 200, **forms: Any) -> HttpResponse:
    context = {
        "policy": policy,
        "policies": Policy.objects.in_force(),
        "items": gold.items_of(policy),
        "results": gold.gold_results(policy),
        "mark": forms.get("mark") or MarkForm(),
        "rate": forms.get("rate") or RateForm(initial={"rate": f"{policy.gold_rate * 100:g}"}),
        "wrong": forms.get("wrong"),
    }
    return render(request, "reviewqueue/gold/gold.html", context, status=status)


def _redirect_to_gold(policy: Policy) -> HttpResponseRedirect:
    return HttpResponseRedirect(f"{reverse('gold')}?policy={policy.slug}", status=303)
