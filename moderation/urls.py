"""Where everything is: the pages, other programs' API, signing in."""

from django.contrib import admin
from django.urls import include, path

from moderation import api

urlpatterns = [
    path("", include("reviewqueue.urls")),
    path("accounts/", include("allauth.account.urls")),
    path("admin/", admin.site.urls),
    path("api/v1/", api.urls()),
]
