"""A shadow's end: it goes, or it rules from now on with thresholds of its own."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from moderation import tuning
from moderation.classifiers import adoption
from moderation.models import Shadow
from reviewqueue.permissions import ReviewerRequest, can_publish_thresholds
from reviewqueue.shadows.forms import ActivateForm
from reviewqueue.thresholds.views import go_to, what_happened


@require_POST
@can_publish_thresholds
def end(request: ReviewerRequest, pk: int) -> HttpResponse:
    """Ask it no more; what it said stays."""
    shadow = get_object_or_404(Shadow, pk=pk)
    try:
        adoption.end_shadow(
            shadow.classifier.name, policy=shadow.policy.slug, why="Ended on its page.", by=request.user
        )
        messages.success(request, f"{shadow.classifier.name} is asked no more. Its scores stay in the record.")
    except adoption.AdoptionRefused as refused:
        messages.error(request, str(refused))
    return redirect("shadow", pk)


@require_POST
@can_publish_thresholds
def activate(request: ReviewerRequest, pk: int) -> HttpResponse:
    """Let it rule, unless something else came in force since the person looked."""
    shadow, form = get_object_or_404(Shadow, pk=pk), ActivateForm(request.POST)
    before = tuning.in_force(shadow.policy)
    if not form.is_valid() or form.cleaned_data["seen"] != before.pk:
        messages.error(request, refusal(form))
        return redirect("shadow", pk)
    typed = form.cleaned_data
    terms = adoption.Terms(
        low=float(typed["low"]), high=float(typed["high"]), why=typed["why"], by=request.user,
        labels=shadow.labels, combination=shadow.combination,
    )  # fmt: skip
    try:
        after = adoption.activate(shadow.classifier.name, policy=shadow.policy.slug, terms=terms)
    except adoption.AdoptionRefused as refused:
        messages.error(request, str(refused))
        return redirect("shadow", pk)
    messages.success(request, f"{shadow.classifier.name} rules. {what_happened(before, after)} {WAY_BACK}")
    return go_to(request, shadow.policy)


WAY_BACK = "The history's Roll back undoes it."


def refusal(form: ActivateForm) -> str:
    if form.errors:
        return " ".join(
            f"{form.fields[name].label}: {' '.join(map(str, errors))}" for name, errors in form.errors.items()
        )
    return "Another version was put in force since you opened this page. Nothing was saved. Look at the numbers again."
