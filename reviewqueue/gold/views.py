"""Gold items: what moderators miss, pooled for admins and by themselves for each person. Never a list of people."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from moderation.decoding.process import SandboxUnavailable
from moderation.models import GoldItem, ObjectionRefused, Policy
from moderation.review import gold
from moderation.review.objecting import PolicyUnclear
from moderation.storage import StorageFull
from reviewqueue.gold.forms import MarkForm, RateForm, RetireForm
from reviewqueue.permissions import ReviewerRequest, can_publish_thresholds, can_review
from reviewqueue.thresholds.views import chosen_policy, policy_named

LATER = "The image can't be shown at the moment. Nothing was saved. Try again later."


@require_GET
@never_cache
@can_publish_thresholds
def items(request: ReviewerRequest) -> HttpResponse:
    """What is in use, what it measured, and how often people meet one."""
    policy = chosen_policy(request.GET.get("policy"))
    if policy is None:
        return render(request, "reviewqueue/thresholds/thresholds_without_policy.html")
    upload = request.GET.get("upload", "")
    return show(request, policy, mark=MarkForm(initial={"upload": upload if upload.isdecimal() else ""}))


@require_POST
@can_publish_thresholds
def mark(request: ReviewerRequest) -> HttpResponse:
    policy = policy_named(request.POST.get("policy", ""))
    form = MarkForm(request.POST)
    if not form.is_valid():
        return show(request, policy, mark=form, status=422)
    try:
        item = form.mark(policy=policy, by=request.user)
    except (gold.NotGold, ObjectionRefused, PolicyUnclear) as refusal:
        form.add_error("upload", str(refusal))
        return show(request, policy, mark=form, status=409)
    except (StorageFull, SandboxUnavailable):
        form.add_error("upload", LATER)
        return show(request, policy, mark=form, status=503)
    messages.success(request, f"{item.screening.upload} is a gold item: {item.truth}.".capitalize())
    return back(policy)


@require_POST
@can_publish_thresholds
def retire(request: ReviewerRequest, pk: int) -> HttpResponse:
    item = get_object_or_404(GoldItem.objects.select_related("policy", "screening__upload"), pk=pk)
    form = RetireForm(request.POST)
    if not form.is_valid():
        return show(request, item.policy, wrong={"item": item, "form": form}, status=422)
    try:
        gold.retire(item, why=form.cleaned_data["why"])
    except gold.NotGold as refusal:
        messages.warning(request, str(refusal))
    else:
        messages.success(request, f"{item.screening.upload} is out of use; what was said of it counts no longer.")
    return back(item.policy)


@require_POST
@can_publish_thresholds
def rate(request: ReviewerRequest) -> HttpResponse:
    policy = policy_named(request.POST.get("policy", ""))
    form = RateForm(request.POST)
    if not form.is_valid():
        return show(request, policy, rate=form, status=422)
    gold.set_rate(policy, rate=form.as_share)
    messages.success(request, f"From now on {form.cleaned_data['rate']} % of what people claim are gold items.")
    return back(policy)


@require_GET
@never_cache
@can_review
def checks(request: ReviewerRequest) -> HttpResponse:
    """The person's own, and nobody else's."""
    mine = [(policy, gold.gold_results(policy, reviewer=request.user)) for policy in Policy.objects.in_force()]
    return render(request, "reviewqueue/gold/checks.html", {"mine": mine})


def show(request: ReviewerRequest, policy: Policy, *, status: int = 200, **forms: Any) -> HttpResponse:
    context = {
        "policy": policy,
        "policies": Policy.objects.in_force(),
        "items": gold.items_of(policy),
        "measured": gold.gold_results(policy),
        "mark": forms.get("mark") or MarkForm(),
        "rate": forms.get("rate") or RateForm(initial={"rate": f"{policy.gold_rate * 100:g}"}),
        "wrong": forms.get("wrong"),
    }
    return render(request, "reviewqueue/gold/gold.html", context, status=status)


def back(policy: Policy) -> HttpResponseRedirect:
    return HttpResponseRedirect(f"{reverse('gold')}?policy={policy.slug}", status=303)
