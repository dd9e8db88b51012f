"""Keys: each button shows its key, and people may change keys or switch them off."""

import re

import pytest
from django.template.loader import render_to_string
from django.test import Client

from moderation.models import User
from moderation.review import claiming
from reviewqueue.shortcuts import DEFAULTS, keys_of
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def mo() -> User:
    return factories.make_user("mo")


@pytest.fixture
def page(client: Client, mo: User) -> Client:
    client.force_login(mo)
    return client


def sent(**changes: str) -> dict[str, str]:
    return {"single_key_shortcuts": "on"} | DEFAULTS | changes


def test_a_changed_key_is_kept_and_stands_on_its_button(page: Client, mo: User) -> None:
    task = factories.make_task()
    factories.make_renditions(task)
    claiming.claim_for(task, moderator=mo)
    assert page.post("/keys/", sent(approve="J")).status_code == 303
    mo.refresh_from_db()
    assert mo.shortcuts == {"approve": "j"}
    assert 'value="benign" data-key="j"' in page.get("/").content.decode()


def test_switched_off_no_control_has_a_key(page: Client, mo: User) -> None:
    task = factories.make_task()
    factories.make_renditions(task)
    claiming.claim_for(task, moderator=mo)
    page.post("/keys/", {**DEFAULTS})
    mo.refresh_from_db()
    assert keys_of(mo) == {}
    answer = page.get("/").content.decode()
    assert "data-key" not in answer
    assert "or hold" not in answer


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"approve": "r"}, "R is used 2 times"),
        ({"approve": "R"}, "R is used 2 times"),
        ({"skip": "1"}, "1 chooses a reason"),
        ({"skip": " "}, "This field is required"),
        ({"skip": ""}, "This field is required"),
        ({"skip": "ab"}, "at most 1 character"),
    ],
)
def test_an_impossible_key_is_refused_at_its_field(
    page: Client, mo: User, changes: dict[str, str], message: str
) -> None:
    answer = page.post("/keys/", sent(**changes))
    assert answer.status_code == 422
    assert message in answer.content.decode()
    mo.refresh_from_db()
    assert mo.shortcuts == {}


def test_two_actions_may_swap_their_keys(page: Client, mo: User) -> None:
    page.post("/keys/", sent(approve="r", reject="a"))
    mo.refresh_from_db()
    assert (keys_of(mo)["approve"], keys_of(mo)["reject"]) == ("r", "a")


def test_the_page_lists_every_action_without_javascript(page: Client) -> None:
    answer = page.get("/keys/").content.decode()
    assert all(f'name="{name}"' in answer for name in DEFAULTS)


@pytest.mark.parametrize("group", ["moderator", "operator", "auditor"])
def test_everyone_who_is_signed_in_may_open_it(client: Client, group: str) -> None:
    client.force_login(factories.make_user("someone", group=group))
    assert client.get("/keys/").status_code == 200


@pytest.mark.parametrize(("path", "status"), [("/no-such-page/", 404), ("/quarantine/", 403)])
def test_an_error_has_a_page_with_a_way_back(page: Client, path: str, status: int) -> None:
    answer = page.get(path)
    assert answer.status_code == status
    assert "Back to the start" in answer.content.decode()
    assert 'aria-label="Main"' in answer.content.decode()


def test_the_page_for_a_failed_server_needs_nothing_from_it() -> None:
    assert "Something failed on the server" in render_to_string("500.html")


@pytest.mark.parametrize(
    ("path", "label"),
    [("/", "Review"), ("/quarantine/", "Quarantine"), ("/uploads/", "Uploads"), ("/uploads/new/", "Send")],
)
def test_the_header_marks_the_current_page(client: Client, path: str, label: str) -> None:
    client.force_login(factories.make_user("ada", group="admin"))
    answer = client.get(path).content.decode()
    header = answer[answer.index('<nav class="bar-nav"') : answer.index("</nav>")]
    assert re.findall(r'aria-current="page">(\w+)', header) == [label]


@pytest.mark.parametrize(
    ("group", "entries"),
    [
        ("moderator", ["/"]),
        ("lead", ["/", "/quarantine/"]),
        ("auditor", []),
    ],
)
def test_the_header_offers_what_the_person_may_open(client: Client, group: str, entries: list[str]) -> None:
    client.force_login(factories.make_user("someone", group=group))
    answer = client.get("/keys/").content.decode()
    header = answer[answer.index('<nav class="bar-nav"') : answer.index("</nav>")]
    links = [path for path in ("/", "/quarantine/") if f'<a href="{path}">' in header]
    assert links == entries
