"""The versions that a policy had, and the way back to one of them."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET, require_http_methods

from moderation import tuning
from moderation.models import Policy, PolicyVersion
from moderation.models.versions import ClassifierRetired
from reviewqueue.permissions import ReviewerRequest, can_publish_thresholds, can_see_thresholds
from reviewqueue.thresholds.comparison import ThresholdComparison
from reviewqueue.thresholds.forms import ReasonForm
from reviewqueue.thresholds.views import chosen_policy, go_to, what_happened


@require_GET
@can_see_thresholds
def history(request: ReviewerRequest) -> HttpResponse:
    policy = chosen_policy(request.GET.get("policy"))
    versions = (
        PolicyVersion.objects.root()
        .filter(policy=policy)
        .select_related("created_by", "published_by", "epoch", "classifier")
    )
    context = {"policy": policy, "policies": Policy.objects.in_force(), "versions": versions.order_by("-number")}
    return render(request, "reviewqueue/thresholds/thresholds_history.html", context)


@require_http_methods(["GET", "POST"])
@can_publish_thresholds
def roll_back(request: ReviewerRequest, pk: int) -> HttpResponse:
    """Ask why, then put a new version with an old one's content in force."""
    retired = PolicyVersion.objects.root().filter(state=PolicyVersion.State.RETIRED)
    version = get_object_or_404(retired.select_related("policy", "classifier"), pk=pk)
    current = tuning.in_force(version.policy)
    form = ReasonForm(request.POST or None, initial={"seen": current.pk})
    if request.method == "POST" and form.is_valid():
        try:
            after = tuning.roll_back(version, by=request.user, **form.cleaned_data)
        except (tuning.PublishedMeanwhile, ClassifierRetired) as refused:
            form.add_error(None, str(refused))
            return render_roll_back(request, form, version=version, status=409)
        messages.success(request, what_happened(current, after))
        return go_to(request, version.policy)
    return render_roll_back(request, form, version=version, status=422 if form.is_bound else 200)


def render_roll_back(
    request: ReviewerRequest, form: ReasonForm, *, version: PolicyVersion, status: int
) -> HttpResponse:
    current = tuning.in_force(version.policy)
    if status == 409:
        form.data = {**form.data, "seen": current.pk}
    counts = tuning.score_counts(version.policy)
    context = {
        "form": form,
        "policy": version.policy,
        "version": version,
        "current": current,
        "comparison": ThresholdComparison.of(counts, current=current, proposed=version),
        "new_epoch": version.why_new_epoch(),
    }
    return render(request, "reviewqueue/thresholds/thresholds_roll_back.html", context, status=status)
