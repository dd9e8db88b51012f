"""The versions of a policy, and the roll back to one of them."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET, require_http_methods

from moderation import tuning
from moderation.models import Policy, PolicyVersion
from moderation.tuning.epochs import why_new_epoch
from moderation.tuning.versions import ClassifierRetired
from reviewqueue.pagination import numbered_page
from reviewqueue.permissions import ReviewerRequest, can_publish_thresholds, can_see_thresholds
from reviewqueue.policy_choice import get_chosen_policy_or_404
from reviewqueue.published_version import published_message, redirect_to_thresholds
from reviewqueue.thresholds.comparison import ThresholdComparison
from reviewqueue.thresholds.forms import RollBackForm


@require_GET
@can_see_thresholds
def history(request: ReviewerRequest) -> HttpResponse:
    """List the versions of a policy, newest first."""
    policy = get_chosen_policy_or_404(request.GET.get("policy"))
    versions = (
        PolicyVersion.objects.root()
        .filter(policy=policy)
        .select_related("created_by", "published_by", "epoch", "classifier")
        .order_by("-number")
    )
    context = {
        "policy": policy,
        "policies": Policy.objects.in_force(),
        "versions": numbered_page(request, versions, size=50),
    }
    return render(request, "reviewqueue/thresholds/thresholds_history.html", context)


@require_http_methods(["GET", "POST"])
@can_publish_thresholds
def roll_back(request: ReviewerRequest, pk: int) -> HttpResponse:
    """Ask why, then publish a new version with the content of an old one."""
    retired = PolicyVersion.objects.root().filter(state=PolicyVersion.State.RETIRED)
    version = get_object_or_404(retired.select_related("policy", "classifier"), pk=pk)
    current = tuning.in_force(version.policy)
    form = RollBackForm(request.POST or None, initial={"seen": current.pk})
    if request.method == "POST" and form.is_valid():
        typed = form.cleaned_data
        try:
            after = tuning.roll_back(
                version, by=request.user, why=typed["why"], seen=typed["seen"], confirmed=typed["confirmation"]
            )
        except tuning.ConfirmationMissing as asked:
            form.ask_for_confirmation(str(asked))
            return _render_roll_back(request, form, version=version, status=422)
        except (tuning.PublishedMeanwhile, tuning.SecondPersonNeeded, ClassifierRetired) as refused:
            form.add_error(None, str(refused))
            return _render_roll_back(request, form, version=version, status=409)
        messages.success(request, published_message(current, after))
        return redirect_to_thresholds(request, version.policy)
    return _render_roll_back(request, form, version=version, status=422 if form.is_bound else 200)


def _render_roll_back(
    request: ReviewerRequest, form: RollBackForm, *, version: PolicyVersion, status: int
) -> HttpResponse:
    """Render the form next to the comparison of ``version`` with the version in force."""
    current = tuning.in_force(version.policy)
    if status == 409:
        form.see_again(seen=current.pk)
    counts = tuning.score_counts(version.policy)
    context = {
        "form": form,
        "policy": version.policy,
        "version": version,
        "current": current,
        "comparison": ThresholdComparison.of(counts, current=current, proposed=version),
        "confirmation": _confirmation(version, current=current, counts=counts),
        "new_epoch": why_new_epoch(version),
    }
    return render(request, "reviewqueue/thresholds/thresholds_roll_back.html", context, status=status)


def _confirmation(
    version: PolicyVersion, *, current: PolicyVersion, counts: tuning.ScoreCounts
) -> tuning.Confirmation | None:
    """Return what going back to ``version`` asks for; thresholds for another classifier's scores do not compare."""
    if version.classifier_id != current.classifier_id:
        return None
    return tuning.confirmation_for(version, current=current, counts=counts)
