from django.urls import path

from reviewqueue.thresholds import history, rules, views

urlpatterns = [
    path("thresholds/", views.thresholds, name="thresholds"),
    path("thresholds/preview/", views.preview, name="thresholds_preview"),
    path("thresholds/draft/", views.save_draft, name="thresholds_draft"),
    path("thresholds/publish/", views.publish, name="thresholds_publish"),
    path("thresholds/rules/<slug:slug>/", rules.rules, name="policy_rules"),
    path("thresholds/history/", history.history, name="thresholds_history"),
    path("thresholds/versions/<int:pk>/roll-back/", history.roll_back, name="thresholds_roll_back"),
]
