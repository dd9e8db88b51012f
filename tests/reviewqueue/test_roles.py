"""Who may do what: every address with every method as every role, compared with the one table in code."""

import re
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from moderation.models import User
from moderation.roles import RIGHTS, ROLES
from reviewqueue.access import ANYBODY, OPENS, SIGNED_IN, STAFF, TOKEN, right_for
from tests.factories import make_user

pytestmark = pytest.mark.django_db
DOCS = Path(__file__).parents[2] / "docs" / "roles.md"
METHODS = ("GET", "POST", "PUT", "DELETE")
# Nothing has these numbers and tokens, so that who may call an address gets 404 or an error of the form.
VALUES = {"int": "999999", "uuid": "00000000-0000-4000-8000-000000000000", "str": "blurred", "slug": "nothing"}
# Without its claim, a picture is refused to whoever may review as well.
ONLY_WITH_A_CLAIM = {"rendition"}
# Answers 404 to everybody: it only names the API's first address.
NOWHERE = {"api:api-root"}


def addresses() -> dict[str, list[str]]:
    """By path, with values filled in, the names of all addresses; of the back office only its first page."""
    found: dict[str, list[str]] = {}
    for name, pattern in _patterns(get_resolver().url_patterns):
        if name not in NOWHERE and (not name.startswith("admin:") or name == "admin:index"):
            path = re.sub(r"<(?:(\w+):)?\w+>", lambda part: VALUES[part[1] or "int"], pattern)
            found.setdefault(f"/{path}", []).append(name)
    return found


def _patterns(urls: list[Any], prefix: str = "", space: str = "") -> Iterator[tuple[str, str]]:
    for each in urls:
        pattern = prefix + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from _patterns(each.url_patterns, pattern, (each.namespace or space).removesuffix("-1"))
        elif isinstance(each, URLPattern):
            yield f"{space}:{each.name}" if space else str(each.name), pattern


ADDRESSES = addresses()


def person(role: str) -> User | None:
    if role == "anonymous":
        return None
    user = make_user(role, group="moderator" if role == "no group" else role)
    if role == "no group":
        user.groups.clear()
    return user


def expected(names: list[str], method: str, user: User | None) -> str:
    name, right = next(((each, right) for each in names if (right := right_for(each, method=method))), ("", None))
    if right is None:
        return "no method"
    if right == TOKEN:
        return "token"
    if right == ANYBODY:
        return "allowed"
    if user is None:
        return "token" if name == "api:openapi-json" else "sign in"
    may = right == SIGNED_IN or (right != STAFF and user.has_perm(f"moderation.{right}"))
    return "allowed" if may and name not in ONLY_WITH_A_CLAIM else "forbidden"


def found(client: Client, path: str, method: str, user: User | None) -> str:
    if user is not None and "_auth_user_id" not in client.session:
        client.force_login(user)  # the address before was the one that signs out
    answer = getattr(client, method.lower())(path)
    if answer.status_code == 302 and answer["Location"].startswith(("/accounts/login/", "/admin/login/")):
        return "sign in"
    return {401: "token", 403: "forbidden", 405: "no method"}.get(answer.status_code, "allowed")


@pytest.mark.parametrize("role", ["anonymous", "no group", *ROLES])
def test_the_matrix_holds_for_every_address_and_method(role: str) -> None:
    client, user = Client(), person(role)
    wrong = [
        (names[0], method, told, wanted)
        for path, names in ADDRESSES.items()
        for method in METHODS
        if (told := found(client, path, method, user)) != (wanted := expected(names, method, user))
    ]
    surprises = [
        f"{method} {name}: {told}, the table says {wanted}"
        for name, method, told, wanted in wrong
        if not _is_exception(name, method, told, wanted, user=user)
    ]
    assert not surprises, "\n".join(surprises)


def _is_exception(name: str, method: str, told: str, wanted: str, *, user: User | None) -> bool:
    """Answers that say the same in another way."""
    if name == "review":
        # The start leads whoever does not review to the page of their work.
        return told == "allowed" and bool(user and user.get_all_permissions())
    if name == "account_logout" and method == "POST":
        return told == "sign in"
    if name == "account_login":
        return user is not None and told == "allowed"
    if name in {"account_change_password", "api:openapi-view"}:
        return user is None and told == "sign in" and wanted == "no method"
    # The back office asks people without access to sign in as somebody else.
    return name == "admin:index" and told in {"sign in", "allowed"} and wanted in {"forbidden", "no method"}


def test_every_address_has_its_entry_and_every_entry_its_address() -> None:
    listed = {name for by_method in OPENS.values() for names in by_method.values() for name in names.split()}
    assert listed == {name for names in ADDRESSES.values() for name in names}


def test_each_address_and_method_stands_once() -> None:
    entries = [
        (name, method) for by_method in OPENS.values() for method, names in by_method.items() for name in names.split()
    ]
    assert len(entries) == len(set(entries))


def test_rights_are_permissions_and_roles_have_only_these() -> None:
    ours = Permission.objects.filter(content_type__app_label="moderation")
    assert set(RIGHTS) == {name for name in ours.values_list("codename", flat=True) if not _is_djangos(name)}
    assert {right for rights in ROLES.values() for right in rights} == set(RIGHTS)
    assert set(OPENS) - {ANYBODY, SIGNED_IN, TOKEN, STAFF} == set(RIGHTS)


def _is_djangos(codename: str) -> bool:
    return codename.startswith(("add_", "change_", "delete_", "view_"))


def test_the_documentation_shows_the_matrix() -> None:
    header, *rows = _table("right")
    assert header[1:-1] == list(ROLES)
    shown = {row[0].strip("`"): [role for role, mark in zip(ROLES, row[1:-1], strict=True) if mark] for row in rows}
    assert shown == {right: [role for role in ROLES if right in ROLES[role]] for right in RIGHTS}
    assert {row[0].strip("`"): row[-1] for row in rows} == RIGHTS


def _table(first: str) -> list[list[str]]:
    lines = DOCS.read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {first} |"))
    table = takewhile(lambda line: line.startswith("|"), lines[start:])
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    return [row for row in rows if not set(row[0]) <= {"-", ":"}]
