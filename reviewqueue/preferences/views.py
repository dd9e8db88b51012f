"""The keys' page: what they do, and a person's own choice of them."""

from django.contrib import messages
from django.http import HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from reviewqueue.permissions import ReviewerRequest, signed_in
from reviewqueue.review.forms import KeysForm


@require_http_methods(["GET", "POST"])
@signed_in
def keys(request: ReviewerRequest) -> HttpResponseBase:
    form = KeysForm(request.POST or None, instance=request.user)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Your keys are saved.")
        return HttpResponseRedirect("/keys/", status=303)
    # What a form with errors holds is not in force: the header and the help show the keys as they are.
    request.user.refresh_from_db(fields=["single_key_shortcuts", "shortcuts"])
    return render(request, "reviewqueue/preferences/keys.html", {"form": form}, status=422 if form.is_bound else 200)
