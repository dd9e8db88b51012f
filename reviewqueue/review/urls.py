from django.urls import path

from reviewqueue.review import renditions, views

urlpatterns = [
    path("", views.review, name="review"),
    path("claim/", views.claim, name="claim"),
    path("waiting/", views.waiting, name="waiting"),
    path("undo/", views.undo, name="undo"),
    path("skips/clear/", views.clear_skips, name="clear_skips"),
    path("tasks/<int:pk>/decide/", views.decide, name="decide"),
    path("tasks/<int:pk>/skip/", views.skip, name="skip"),
    path("tasks/<int:pk>/renew/", views.renew, name="renew"),
    path("tasks/<int:pk>/reveal/", renditions.reveal, name="reveal"),
    path("tasks/<int:pk>/images/<str:variant>/", renditions.rendition, name="rendition"),
    path("tasks/<int:pk>/images/<int:number>/<str:variant>/", renditions.rendition, name="rendition"),
]
