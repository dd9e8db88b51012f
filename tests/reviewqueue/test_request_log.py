"""The log says who was refused what, and from where."""

import logging
from collections.abc import Iterator

import pytest
from django.test import Client

from moderation.log_lines import LogLine
from tests.factories import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """The first line of each record that the log's handlers write, by a handler with the same formatter."""
    written: list[str] = []
    handler = logging.Handler()
    handler.setFormatter(LogLine("{message}", style="{"))
    handler.emit = lambda record: written.append(handler.format(record).splitlines()[0])  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    yield written
    logging.getLogger().removeHandler(handler)


def test_the_handlers_of_the_log_name_accounts() -> None:
    ours = [each for each in logging.getLogger().handlers if type(each) is logging.StreamHandler]
    assert ours
    assert all(isinstance(each.formatter, LogLine) for each in ours)


def test_a_refused_request_names_the_account_and_the_address(client: Client, lines: list[str]) -> None:
    client.force_login(make_user("ada"))
    assert client.get("/runs/", REMOTE_ADDR="10.1.2.3").status_code == 403
    assert "Forbidden (Permission denied): /runs/ (account ada, from 10.1.2.3)" in lines


def test_a_request_of_nobody_says_so(client: Client, lines: list[str]) -> None:
    assert client.get("/no-such-page/", REMOTE_ADDR="10.1.2.3").status_code in {302, 404}
    assert client.get("/metrics", REMOTE_ADDR="10.1.2.3").status_code == 401
    assert any(line.endswith("/metrics (not signed in, from 10.1.2.3)") for line in lines)


def test_a_percent_sign_in_an_address_is_kept(client: Client, lines: list[str]) -> None:
    client.force_login(make_user("ada"))
    client.get("/100%25d/", REMOTE_ADDR="10.1.2.3")
    assert "Not Found: /100%d/ (account ada, from 10.1.2.3)" in lines


def test_sign_ins_and_failed_ones_are_logged(client: Client, lines: list[str], caplog) -> None:
    user = make_user("ada")
    user.set_password("correct horse battery")
    user.save()
    with caplog.at_level(logging.INFO, logger="reviewqueue.system.request_log"):
        for password in ("wrong", "correct horse battery"):
            client.post("/accounts/login/", {"login": "ada", "password": password}, REMOTE_ADDR="10.1.2.3")
    own = [line for line in lines if "igned in: account" in line or "Sign-in failed" in line]
    assert own == ["Sign-in failed: account 'ada', from 10.1.2.3", "Signed in: account ada, from 10.1.2.3"]
