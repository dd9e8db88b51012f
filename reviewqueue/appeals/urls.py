from django.urls import path

from reviewqueue.appeals import views

urlpatterns = [
    path("uploads/<int:pk>/report/", views.report, name="report_upload"),
    path("uploads/<int:pk>/appeal/", views.appeal, name="appeal_upload"),
    path("appeals/", views.objections, name="objections"),
]
