"""The end of shadow mode: the classifier stops, or becomes the active one with its own thresholds."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from moderation import tuning
from moderation.classifiers.activation import Terms
from moderation.classifiers.activation import activate as activate_classifier
from moderation.classifiers.errors import AdoptionRefused
from moderation.classifiers.shadow_mode import end_shadow_mode
from moderation.models import Shadow
from reviewqueue.permissions import ReviewerRequest, can_publish_thresholds
from reviewqueue.published_version import published_message, redirect_to_thresholds
from reviewqueue.shadows.forms import ActivateForm

WAY_BACK = "To undo it, roll back on the history page."


@require_POST
@can_publish_thresholds
def end(request: ReviewerRequest, pk: int) -> HttpResponse:
    """Stop scoring with the classifier. Its scores stay in the record."""
    shadow = get_object_or_404(Shadow, pk=pk)
    try:
        end_shadow_mode(shadow.classifier.name, policy=shadow.policy.slug, why="Ended on its page.", by=request.user)
        messages.success(request, f"Shadow mode of {shadow.classifier.name} has ended. Its scores stay in the record.")
    except AdoptionRefused as refused:
        messages.error(request, str(refused))
    return redirect("shadow", pk)


@require_POST
@can_publish_thresholds
def activate(request: ReviewerRequest, pk: int) -> HttpResponse:
    """Make the classifier the active one, unless another version came in force since the page was opened."""
    shadow, form = get_object_or_404(Shadow, pk=pk), ActivateForm(request.POST)
    before = tuning.in_force(shadow.policy)
    if not form.is_valid() or form.cleaned_data["seen"] != before.pk:
        messages.error(request, _refusal(form))
        return redirect("shadow", pk)
    typed = form.cleaned_data
    terms = Terms(
        low=float(typed["low"]), high=float(typed["high"]), why=typed["why"], by=request.user,
        labels=shadow.labels, combination=shadow.combination,
    )  # fmt: skip
    try:
        after = activate_classifier(shadow.classifier.name, policy=shadow.policy.slug, terms=terms)
    except AdoptionRefused as refused:
        messages.error(request, str(refused))
        return redirect("shadow", pk)
    text = f"{shadow.classifier.name} is the active classifier now. {published_message(before, after)} {WAY_BACK}"
    messages.success(request, text)
    return redirect_to_thresholds(request, shadow.policy)


def _refusal(form: ActivateForm) -> str:
    """Return the message for a form that is wrong, or older than the version in force."""
    if form.errors:
        return " ".join(
            f"{form.fields[name].label}: {' '.join(map(str, errors))}" for name, errors in form.errors.items()
        )
    return (
        "Another version was put in force since you opened this page. Nothing was saved. "
        "Check the numbers, and activate again."
    )
