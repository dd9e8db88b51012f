from django.urls import path

from reviewqueue.quarantine import views

urlpatterns = [
    path("quarantine/", views.quarantine, name="quarantine"),
    path("quarantine/<int:pk>/settle/", views.settle_quarantine, name="settle_quarantine"),
    path("quarantine/<int:pk>/undo/", views.undo_quarantine, name="undo_quarantine"),
]
