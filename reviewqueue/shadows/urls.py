from django.urls import path

from reviewqueue.shadows import activation, images, views

urlpatterns = [
    path("thresholds/shadows/", views.shadows, name="shadows"),
    path("thresholds/shadows/<int:pk>/", views.shadow, name="shadow"),
    path("thresholds/shadows/<int:pk>/end/", activation.end, name="shadow_end"),
    path("thresholds/shadows/<int:pk>/activate/", activation.activate, name="shadow_activate"),
    path("thresholds/shadows/<int:pk>/uploads/<int:upload>/reveal/", images.reveal, name="shadow_reveal"),
    path("thresholds/shadows/<int:pk>/uploads/<int:upload>/<str:variant>/", images.image, name="shadow_image"),
]
