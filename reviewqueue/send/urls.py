from django.urls import path

from reviewqueue.send import views

urlpatterns = [
    path("uploads/new/", views.send, name="send"),
    path("uploads/prescreen/", views.prescreen_now, name="prescreen_now"),
]
