"""Signing in and out, the lock after many failures, and that every page is closed by default."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.password_validation import validate_password
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from moderation.models import User
from tests.factories import PASSWORD, make_user

pytestmark = pytest.mark.django_db
LOGIN = "/accounts/login/"


def attempt(client: Client, *, name: str = "mo", password: str = PASSWORD, **extra: str) -> Any:
    return client.post(LOGIN, {"login": name, "password": password, **extra})


def test_the_right_password_leads_to_the_page_that_was_asked_for() -> None:
    make_user("mo")
    assert attempt(Client(), next="/keys/").url == "/keys/"


def test_nobody_is_sent_to_another_site() -> None:
    make_user("mo")
    assert attempt(Client(), next="https://example.org/").url == "/"


@pytest.mark.parametrize(("name", "password"), [("mo", "wrong"), ("nobody", PASSWORD)])
def test_a_wrong_name_and_a_wrong_password_look_alike(name: str, password: str) -> None:
    make_user("mo")
    page = attempt(Client(), name=name, password=password)
    assert b"username and/or password you specified are not correct" in page.content
    assert "_auth_user_id" not in page.client.session


def test_after_a_wrong_password_the_focus_is_where_the_next_one_is_typed() -> None:
    make_user("mo")
    assert focused(Client().get(LOGIN)) == "login"
    assert focused(attempt(Client(), password="wrong")) == "password"
    assert focused(attempt(Client(), name="")) == "login"


def focused(page: Any) -> str:
    """The name of the only field with the focus."""
    (field,) = [text for text in re.findall(r"<input[^>]*>", page.content.decode()) if "autofocus" in text]
    return field.partition('name="')[2].partition('"')[0]


def test_a_password_of_digits_alone_is_refused() -> None:
    with pytest.raises(ValidationError, match="entirely numeric"):
        validate_password("82649173")


def test_the_page_names_its_fields_for_password_managers() -> None:
    page = Client().get(LOGIN).content.decode()
    assert 'autocomplete="username"' in page
    assert 'autocomplete="current-password"' in page
    assert "style=" not in page


def test_the_sign_in_tells_that_a_session_ended_to_people_who_had_one() -> None:
    client = Client()
    client.force_login(make_user("mo"))
    Session.objects.all().delete()
    page = client.get("/", follow=True)
    assert b"Your session has ended." in page.content
    assert b"Your session has ended." not in attempt(client, password="wrong").content


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_a_form_sent_after_the_session_is_told_that_it_ended(headers: dict[str, str]) -> None:
    answer = Client().post("/claim/", headers=headers)
    assert "ended=1" in answer.headers.get("Location", "") + answer.headers.get("HX-Redirect", "")


@pytest.mark.parametrize("path", ["/", "/uploads/", "/admin/"])
def test_a_first_visit_is_told_what_this_is_and_of_no_session(path: str) -> None:
    page = Client().get(path, follow=True)
    assert b"people review uploaded images" in page.content
    assert b"session has ended" not in page.content


def test_failures_of_the_sign_in_page_lock_the_name_for_a_while(settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 3
    make_user("mo")
    make_user("lea", group="lead")
    for _ in range(2):
        assert attempt(Client(), password="wrong").status_code == 200
    assert attempt(Client(), password="wrong").status_code == 429
    locked = attempt(Client())
    assert locked.status_code == 429
    assert "For the next 15 minutes" in locked.content.decode()
    assert "_auth_user_id" not in locked.client.session
    # Somebody else at the same address still gets in.
    assert attempt(Client(), name="lea").status_code == 302


def test_a_success_forgets_the_failures_before_it(settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 3
    make_user("mo")
    for _ in range(2):
        for _ in range(2):
            attempt(Client(), password="wrong")
        assert attempt(Client()).status_code == 302


def test_a_name_in_other_letters_or_with_spaces_does_not_go_around_the_lock(settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 3
    make_user("mo")
    for name in ("mo", " mo ", "MO"):
        attempt(Client(), name=name, password="wrong")
    assert attempt(Client()).status_code == 429


def from_address(address: str) -> Any:
    """Make one failed sign-in that the proxy reports from ``address``."""
    return Client().post(LOGIN, {"login": "mo", "password": "wrong"}, headers={"X-Forwarded-For": address})


def test_behind_a_proxy_failures_elsewhere_do_not_lock_out_the_person(settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 2
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    make_user("mo")
    assert [from_address("203.0.113.9").status_code for _ in range(2)] == [200, 429]
    assert from_address("198.51.100.7").status_code == 200


def test_an_address_that_the_client_made_up_does_not_go_around_the_lock(settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 2
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    make_user("mo")
    assert [from_address(f"10.0.0.{n}, 203.0.113.9").status_code for n in range(2)] == [200, 429]


def test_without_a_proxy_the_address_that_a_client_claims_is_ignored(settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 2
    make_user("mo")
    assert [from_address(f"203.0.113.{n}").status_code for n in range(2)] == [200, 429]


def test_a_closed_account_does_not_get_in() -> None:
    make_user("mo")
    User.objects.update(is_active=False)
    page = attempt(Client())
    assert "_auth_user_id" not in page.client.session
    assert b"account is closed" in page.client.get(page.url).content


def test_signing_out_takes_a_post() -> None:
    client = Client()
    client.force_login(make_user("mo"))
    assert b"Sign out?" in client.get("/accounts/logout/").content
    assert "_auth_user_id" in client.session
    client.post("/accounts/logout/")
    assert "_auth_user_id" not in client.session


def test_a_changed_password_is_the_one_that_counts() -> None:
    user = make_user("mo")
    client = Client()
    client.force_login(user)
    page = "/accounts/password/change/"
    assert b'autocomplete="new-password"' in client.get(page).content
    wrong = client.post(
        page, {"oldpassword": "wrong", "password1": "another long one", "password2": "another long one"}
    )
    assert wrong.context["form"].errors["oldpassword"]
    client.post(page, {"oldpassword": PASSWORD, "password1": "another long one", "password2": "another long one"})
    user.refresh_from_db()
    assert user.check_password("another long one")


@pytest.mark.parametrize(
    "page", ["signup", "email", "password/reset", "password/set", "confirm-email", "reauthenticate"]
)
def test_unused_pages_of_allauth_do_not_exist(page: str) -> None:
    client = Client()
    client.force_login(make_user("mo"))
    assert client.get(f"/accounts/{page}/").status_code == 404


# Open by decision; the root of the API is a "not found".
OPEN = {
    "/api/v1/",
    "/healthz",
    "/readyz",
    "/accounts/login/",
    "/accounts/logout/",
    "/accounts/inactive/",
    "/admin/login/",
    "/admin/jsi18n/",
}
VALUES = {
    "pk": "1",
    "variant": "clear",
    "object_id": "1",
    "content_type_id": "1",
    "app_label": "moderation",
    "url": "x",
    "path": "1",
}


def addresses(patterns: list[Any], prefix: str = "/") -> Iterator[str]:
    for pattern in patterns:
        route = prefix + address(pattern)
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, route)
        else:
            assert isinstance(pattern, URLPattern)
            yield route


A_TOKEN = "00000000-0000-4000-8000-000000000001"


def address(pattern: Any) -> str:
    route = str(pattern.pattern).replace("^", "").replace("$", "")
    if "(?P<url>" in route:
        return "x/"  # the admin's last pattern
    if "(?P<app_label>" in route:
        return "moderation/"
    for name in pattern.pattern.converters or {}:
        for written in (f"<{name}>", *(f"<{kind}:{name}>" for kind in ("int", "str", "path", "slug", "uuid"))):
            # Claims have a token instead of a number.
            value = A_TOKEN if written.startswith("<uuid:") else VALUES.get(name, "1")
            route = route.replace(written, value)
    return route


def all_addresses() -> list[str]:
    return sorted(set(addresses(get_resolver().url_patterns)))


@pytest.mark.parametrize("method", ["get", "post"])
def test_every_page_except_the_named_ones_requires_a_sign_in(method: str) -> None:
    found = all_addresses()
    assert {"/", "/thresholds/", "/uploads/1/", "/admin/"} <= set(found)
    for url in found:
        answer = getattr(Client(), method)(url)
        closed = answer.status_code in {401, 403, 405} or answer.headers.get("Location", "").startswith(
            (LOGIN, "/admin/login/")
        )
        assert closed or url in OPEN, f"{method} {url}: {answer.status_code}"


def test_no_page_that_asks_for_a_sign_in_is_kept_by_the_browser() -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    kept = []
    for url in (url for url in all_addresses() if not url.startswith(("/admin/", "/accounts/", "/api/"))):
        answer = client.get(url)
        if answer.status_code == 200 and "no-store" not in answer.headers.get("Cache-Control", ""):
            kept.append(url)
    assert kept == []


def test_no_answer_to_a_stranger_makes_a_session() -> None:
    for url in ("/healthz", "/readyz", "/", LOGIN):
        assert "sessionid" not in Client().get(url).cookies
