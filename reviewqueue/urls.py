"""Where the pages are. Addresses are short, stable and spell what they show."""

from django.urls import path

from reviewqueue.views import (
    health,
    preferences,
    quarantine,
    renditions,
    review,
    sending,
    threshold_history,
    thresholds,
    uploads,
)

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
    path("thresholds/", thresholds.thresholds, name="thresholds"),
    path("thresholds/preview/", thresholds.preview, name="thresholds_preview"),
    path("thresholds/draft/", thresholds.save_draft, name="thresholds_draft"),
    path("thresholds/publish/", thresholds.publish, name="thresholds_publish"),
    path("thresholds/history/", threshold_history.history, name="thresholds_history"),
    path("thresholds/versions/<int:pk>/roll-back/", threshold_history.roll_back, name="thresholds_roll_back"),
    path("uploads/", uploads.uploads, name="uploads"),
    path("uploads/new/", sending.send, name="send"),
    path("uploads/prescreen/", sending.prescreen_now, name="prescreen_now"),
    path("uploads/<int:pk>/", uploads.upload, name="upload"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]
