"""No query makes a page fail, whatever it holds: the server's errors are for failures of the server."""

import re
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.db import transaction
from django.test import Client

from moderation.models import User
from tests.factories import PASSWORD, make_entry, make_hash_list, make_screening, make_task
from tests.reviewqueue.test_sign_in import all_addresses

pytestmark = [pytest.mark.django_db, pytest.mark.lengthy]

ODD = ["9" * 40, "-1", "'\"<%\ufffd\u202e" + "x" * 3_000]
# Parameters of Django's lists that no link shows while the lists are short.
OF_LISTS = {"q", "o", "p"}
OF_PAGES = {"page", "before", "policy", "upload", "picture"}


@pytest.fixture
def root() -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_superuser("root", password=PASSWORD))
    make_task(score=0.5)
    make_screening(score=0.1)
    make_entry(make_hash_list(), bytes(32))
    return client


def pages(client: Client) -> dict[str, str]:
    """Return the text of each page that opens with a GET. Those below /admin/r/ only lead to others."""
    addresses = [url for url in all_addresses() if not url.startswith(("/api/", "/admin/r/"))]
    answers = {url: client.get(url) for url in addresses if status_of(client, url) == 200}
    return {
        url: answer.content.decode()
        for url, answer in answers.items()
        if answer["Content-Type"].startswith("text/html")
    }


def parameters(text: str) -> set[str]:
    """Return the names in a page's links to itself and in its forms."""
    return set(re.findall(r"[?&;]([a-z_]+)=", text)) | set(re.findall(r'name="([a-z_]+)"', text))


def lookups() -> dict[str, set[str]]:
    """Return the lookups that the filters of each list of the back office use."""
    found = {}
    for model, options in admin.site._registry.items():
        given = [each[0] if isinstance(each, tuple) else each for each in options.list_filter]
        names = {each if isinstance(each, str) else each.parameter_name for each in given}
        exact = {f"{name}{how}" for name in names for how in ("__exact", "__id__exact")}
        found[f"/admin/{model._meta.app_label}/{model._meta.model_name}/"] = exact
    return found


def queries(client: Client) -> Iterator[tuple[str, set[str]]]:
    """Yield each page with the parameters to set at once. A list of the back office stops at the first wrong lookup."""
    for url, text in pages(client).items():
        yield url, (parameters(text) | OF_PAGES) - {"csrfmiddlewaretoken"}
    for url, names in lookups().items():
        yield url, OF_LISTS
        yield from ((url, {name}) for name in sorted(names))


def failures(client: Client, addresses: list[str]) -> list[str]:
    return [address for address in addresses if status_of(client, address) >= 500]


def status_of(client: Client, address: str) -> int:
    """Return the status of a page, and take back what it did: a failed transaction, a sign-out."""
    before, session = transaction.savepoint(), client.cookies["sessionid"].value
    status = client.get(address).status_code
    transaction.savepoint_rollback(before)
    client.cookies["sessionid"] = session
    return status


def test_an_odd_value_of_any_parameter_fails_no_page(root: Client) -> None:
    asked = list(queries(root))
    assert {"q", "status"} <= dict(asked)["/uploads/"]
    addresses = [f"{url}?{urlencode(dict.fromkeys(sorted(names), odd))}" for url, names in asked for odd in ODD]
    assert failures(root, addresses) == []


def test_a_nul_character_in_a_query_is_not_understood(root: Client) -> None:
    for address in ["/uploads/?q=%00", "/thresholds/?policy=%00", *(f"{url}?q=a%00b" for url in lookups())]:
        assert root.get(address).status_code == 400, address
    assert b"could not be understood" in root.get("/uploads/?q=%00").content


@pytest.mark.parametrize("key", ["%00", "9" * 40, "x" * 5_000])
def test_an_odd_key_opens_no_row_of_the_back_office(root: Client, key: str) -> None:
    addresses = [f"{url}{key}/{page}/" for url in lookups() for page in ("change", "history")]
    assert failures(root, addresses) == []
