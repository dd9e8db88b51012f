from django.urls import path

from reviewqueue.gold import views

urlpatterns = [
    path("thresholds/gold/", views.items, name="gold"),
    path("thresholds/gold/mark/", views.mark, name="gold_mark"),
    path("thresholds/gold/rate/", views.rate, name="gold_rate"),
    path("thresholds/gold/<int:pk>/retire/", views.retire, name="gold_retire"),
    path("checks/", views.checks, name="checks"),
]
