from django.urls import path

from reviewqueue.review import renditions, views

urlpatterns = [
    path("", views.review, name="review"),
    path("claim/", views.claim, name="claim"),
    path("waiting/", views.waiting, name="waiting"),
    path("undo/", views.undo, name="undo"),
    path("last-decision/", views.last_decision, name="last_decision"),
    path("skips/clear/", views.clear_skips, name="clear_skips"),
    # A claim's token is the only name that a task has before the verdict: numbers would tell gold items and second
    # opinions from first looks.
    path("claims/<uuid:token>/decide/", views.decide, name="decide"),
    path("claims/<uuid:token>/skip/", views.skip, name="skip"),
    path("claims/<uuid:token>/renew/", views.renew, name="renew"),
    path("claims/<uuid:token>/reveal/", renditions.reveal, name="reveal"),
    path("claims/<uuid:token>/images/<int:number>/<str:variant>/", renditions.rendition, name="rendition"),
]
