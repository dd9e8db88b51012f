from django.urls import path

from reviewqueue.preferences import views

urlpatterns = [
    path("keys/", views.keys, name="keys"),
]
