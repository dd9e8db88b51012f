from django.urls import path

from reviewqueue.duplicates import views

urlpatterns = [
    path("uploads/<int:pk>/duplicates/", views.duplicates, name="duplicates"),
    path("uploads/<int:pk>/duplicates/<int:member>/split/", views.split, name="split"),
    path("uploads/<int:pk>/duplicates/<int:member>/blurred/", views.blurred, name="duplicate_blurred"),
]
