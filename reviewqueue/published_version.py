"""After a version was put in force: the message, and the way back to the thresholds page."""

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect

from moderation.formatting import threshold
from moderation.models import Policy, PolicyVersion
from reviewqueue.permissions import ReviewerRequest
from reviewqueue.schedule import next_prescreen


def published_message(before: PolicyVersion, after: PolicyVersion) -> str:
    """Describe what changes now that ``after`` has taken the place of ``before``."""
    text = (
        f"Version {after.number} is in force: low {threshold(after.low)}, high {threshold(after.high)}. "
        f"The next pre-screen uses it, by schedule on {next_prescreen():%-d %B at %H:%M}. "
        "Uploads that are screened already keep their routes. "
    )
    if after.epoch == before.epoch:
        return text + "The epoch continues: verdicts collected so far still count."
    assert after.epoch is not None
    return text + f"A new epoch began, so evidence is collected from the start: {after.epoch.why_opened}"


def redirect_to_thresholds(request: ReviewerRequest, policy: Policy) -> HttpResponse:
    """Load the whole thresholds page: the message stands above the part that htmx would swap."""
    url = f"{reverse('thresholds')}?policy={policy.slug}"
    return HttpResponseClientRedirect(url) if request.htmx else redirect(url)
