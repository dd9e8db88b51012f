"""The addresses of all pages, one folder each. They are short and stable, and name the page's subject."""

from django.urls import include, path

urlpatterns = [
    path("", include("reviewqueue.review.urls")),
    path("", include("reviewqueue.quarantine.urls")),
    path("", include("reviewqueue.preferences.urls")),
    path("", include("reviewqueue.thresholds.urls")),
    path("", include("reviewqueue.shadows.urls")),
    path("", include("reviewqueue.gold.urls")),
    path("", include("reviewqueue.send.urls")),
    path("", include("reviewqueue.appeals.urls")),
    path("", include("reviewqueue.uploads.urls")),
    path("", include("reviewqueue.duplicates.urls")),
    path("", include("reviewqueue.hash_lists.urls")),
    path("", include("reviewqueue.runs.urls")),
    path("", include("reviewqueue.system.urls")),
]
