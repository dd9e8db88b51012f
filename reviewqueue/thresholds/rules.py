"""The form for the rules of a policy: a look before a verdict, confirmation and a second person for publishing."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from moderation.models import Policy
from moderation.tuning.policy_rules import RuleProtected, change_rules
from reviewqueue.permissions import ReviewerRequest, can_publish_thresholds
from reviewqueue.threshold_fields import WHY_MISSING, PercentField


class RulesForm(forms.Form):
    requires_look = forms.BooleanField(
        label="A verdict needs a look",
        required=False,
        help_text="Verdicts on uploads that were not revealed are refused, for audits and all other tasks alike.",
    )
    confirmed_share = PercentField(
        label="Confirm changes of more than, %",
        example="20",
        help_text="Thresholds that change the route of a larger share of uploads need a typed confirmation.",
    )
    needs_second_publisher = forms.BooleanField(
        label="Publishing needs two people",
        required=False,
        help_text="Who saved the draft may not publish it. Only a superuser can switch this off.",
    )
    why = forms.CharField(
        label="Why",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": WHY_MISSING},
    )

    @classmethod
    def showing(cls, policy: Policy) -> "RulesForm":
        return cls(
            initial={
                "requires_look": policy.requires_look,
                "confirmed_share": f"{policy.confirmed_share * 100:g}",
                "needs_second_publisher": policy.needs_second_publisher,
            }
        )

    @property
    def rules(self) -> dict[str, Any]:
        return {**self.cleaned_data, "confirmed_share": float(self.cleaned_data["confirmed_share"] / 100)}


@require_http_methods(["GET", "POST"])
@can_publish_thresholds
def rules(request: ReviewerRequest, slug: str) -> HttpResponse:
    """Show the rules of a policy, or change them with a reason."""
    policy = get_object_or_404(Policy.objects.in_force(), slug=slug)
    form = RulesForm(request.POST) if request.method == "POST" else RulesForm.showing(policy)
    if not form.is_bound or not form.is_valid():
        return _render_rules(request, form, policy=policy, status=422 if form.is_bound else 200)
    try:
        change_rules(policy, by=request.user, **form.rules)
    except RuleProtected as refusal:
        form.add_error("needs_second_publisher", str(refusal))
        return _render_rules(request, form, policy=policy, status=409)
    messages.success(request, f"The rules of {policy} were changed. They apply from now on.")
    return redirect(f"{reverse('thresholds')}?policy={policy.slug}")


def _render_rules(request: ReviewerRequest, form: RulesForm, *, policy: Policy, status: int) -> HttpResponse:
    context = {"form": form, "policy": policy}
    return render(request, "reviewqueue/thresholds/policy_rules.html", context, status=status)
