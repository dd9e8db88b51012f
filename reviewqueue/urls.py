"""Where the pages are. Addresses are short, stable and spell what they show."""

from django.urls import path

from reviewqueue.views import preferences, quarantine, renditions, review

urlpatterns = [
    path("", review.review, name="review"),
    path("claim/", review.claim, name="claim"),
    path("waiting/", review.waiting, name="waiting"),
    path("undo/", review.undo, name="undo"),
    path("skips/clear/", review.clear_skips, name="clear_skips"),
    path("tasks/<int:pk>/decide/", review.decide, name="decide"),
    path("tasks/<int:pk>/skip/", review.skip, name="skip"),
    path("tasks/<int:pk>/renew/", review.renew, name="renew"),
    path("tasks/<int:pk>/reveal/", renditions.reveal, name="reveal"),
    path("tasks/<int:pk>/images/<str:variant>/", renditions.rendition, name="rendition"),
    path("quarantine/", quarantine.quarantine, name="quarantine"),
    path("quarantine/<int:pk>/settle/", quarantine.settle_quarantine, name="settle_quarantine"),
    path("keys/", preferences.keys, name="keys"),
]
