"""Where everything is: the pages, other programs' API, signing in."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("reviewqueue.urls")),
    path("accounts/", include("allauth.account.urls")),
    path("admin/", admin.site.urls),
]
