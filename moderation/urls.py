"""The URLs of the pages, the API and sign-in."""

from allauth.account import views as allauth
from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

from moderation import api

# One sign-in page for everybody: the admin's own page would not count failures.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

handler400 = "reviewqueue.system.errors.bad_request"
handler500 = "reviewqueue.system.errors.server_error"

urlpatterns = [
    path("", include("reviewqueue.urls")),
    # Only some of allauth's pages: admins create accounts, and there is no e-mail to people.
    path("accounts/login/", allauth.login, name="account_login"),
    path("accounts/logout/", allauth.logout, name="account_logout"),
    path("accounts/inactive/", allauth.account_inactive, name="account_inactive"),
    path("accounts/password/change/", allauth.password_change, name="account_change_password"),
    path("admin/", admin.site.urls),
    path("api/v1/", api.urls()),
]
