"""The page of a person's keys."""

from django.contrib import messages
from django.http import HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from reviewqueue.permissions import ReviewerRequest, signed_in
from reviewqueue.preferences.forms import KeysForm


@require_http_methods(["GET", "POST"])
@signed_in
def keys(request: ReviewerRequest) -> HttpResponseBase:
    """Show the keys, or save a person's own choice."""
    form = KeysForm(request.POST or None, instance=request.user)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Your keys were saved. They work from now on.")
        return HttpResponseRedirect("/keys/", status=303)
    # A form with errors has changed the instance but saved nothing: the header and the help show the saved keys.
    request.user.refresh_from_db(fields=["single_key_shortcuts", "shortcuts"])
    return render(request, "reviewqueue/preferences/keys.html", {"form": form}, status=422 if form.is_bound else 200)
