"""Settings from the environment: accepted values, and refusals that name the variable and the remedy."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from moderation import env
from tests.docs.markdown import ROOT


@pytest.fixture
def given_value(monkeypatch: pytest.MonkeyPatch):
    return lambda value: monkeypatch.setenv("SOME_NAME", value)


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOME_NAME", raising=False)


def test_a_missing_variable_has_its_default() -> None:
    assert env.text("SOME_NAME", default="a") == "a"
    assert env.flag("SOME_NAME", default=True) is True
    assert env.number("SOME_NAME", default=7) == 7
    assert env.words("SOME_NAME", default="a,b") == ["a", "b"]
    assert env.schedule("SOME_NAME", default="0 2 * * *") == "0 2 * * *"
    assert env.database_url("SOME_NAME") is None


@pytest.mark.parametrize("value", ["", " "])
def test_an_empty_folder_is_the_default_and_never_the_working_directory(given_value, value: str) -> None:
    given_value(value)
    assert env.folder("SOME_NAME", default=Path("/srv/look")) == Path("/srv/look")


def test_a_folder_is_absolute_and_knows_the_home_folder(given_value, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    given_value("~/look")
    assert env.folder("SOME_NAME", default=Path("/srv/look")) == Path("/home/ada/look")
    given_value("look")
    assert env.folder("SOME_NAME", default=Path("/srv/look")) == Path.cwd() / "look"


def test_the_data_folder_is_the_default_if_its_variable_is_empty(tmp_path: Path) -> None:
    given = {**os.environ, "DATA_DIR": "", "PYTHONPATH": str(ROOT), "DATABASE_URL": "postgresql://db/look"}
    command = [sys.executable, "-c", "from moderation import settings; print(settings.DATA_DIR)"]
    done = subprocess.run(command, check=True, env=given, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == f"{ROOT / 'var'}\n"


def test_a_secret_that_cannot_be_kept_is_refused_by_the_name_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ImproperlyConfigured, match=r"^DATA_DIR .*cannot be used: secret_key .*\(File exists\)"):
        env.kept_secret(tmp_path / "file" / "secret_key")


@pytest.mark.parametrize(("value", "read"), [("True", True), ("False", False)])
def test_a_flag_is_true_or_false(given_value, value: str, read: bool) -> None:
    given_value(value)
    assert env.flag("SOME_NAME", default=not read) is read


@pytest.mark.parametrize("value", ["true", "1", "yes", "", " True", "Off"])
def test_a_wrong_flag_is_refused(given_value, value: str) -> None:
    given_value(value)
    with pytest.raises(ImproperlyConfigured, match=f"^SOME_NAME='{value}': write 'True' or 'False'"):
        env.flag("SOME_NAME", default=True)


@pytest.mark.parametrize("value", ["cuda", "CUDA"])
def test_a_choice_ignores_case(given_value, value: str) -> None:
    given_value(value)
    assert env.choice("SOME_NAME", default="cpu", accepted=("cpu", "cuda")) == "cuda"


def test_a_wrong_choice_is_refused(given_value) -> None:
    given_value("gpu")
    with pytest.raises(ImproperlyConfigured, match=r"^SOME_NAME='gpu': write cpu or cuda\."):
        env.choice("SOME_NAME", default="cpu", accepted=("cpu", "cuda"))


@pytest.mark.parametrize(("value", "read"), [("3", 3), ("10", 10), ("007", 7)])
def test_a_number_may_equal_its_bounds(given_value, value: str, read: int) -> None:
    given_value(value)
    assert env.number("SOME_NAME", default=5, at_least=3, at_most=10) == read


@pytest.mark.parametrize("value", ["2", "11", "-3", "+3", "3.0", "1e1", "", " 5", "five", "\uff15", "1_0", "²"])
def test_a_wrong_number_is_refused(given_value, value: str) -> None:
    given_value(value)
    with pytest.raises(ImproperlyConfigured, match=r"^SOME_NAME=.*: write a whole number from 3 to 10"):
        env.number("SOME_NAME", default=5, at_least=3, at_most=10)


@pytest.mark.parametrize(
    ("value", "read"), [("a,b", ["a", "b"]), (" a , ,b,", ["a", "b"]), ("", []), (",", []), ("a b", ["a b"])]
)
def test_words_are_separated_by_commas(given_value, value: str, read: list[str]) -> None:
    given_value(value)
    assert env.words("SOME_NAME", default="x") == read


@pytest.mark.parametrize("value", ["* * * * *", "*/15 8-18 * * 1-5", "0 2 1 1 *", "59 23 * 12 SUN"])
def test_a_schedule_is_a_cron_expression(given_value, value: str) -> None:
    given_value(value)
    assert env.schedule("SOME_NAME", default="0 2 * * *") == value


@pytest.mark.parametrize("value", ["", "daily", "60 * * * *", "0 24 * * *", "0 2 * *", "0 2 * * 8", "0 2 * * * * *"])
def test_a_wrong_schedule_is_refused(given_value, value: str) -> None:
    given_value(value)
    with pytest.raises(ImproperlyConfigured, match=r"^SOME_NAME=.*Write a cron expression of five fields"):
        env.schedule("SOME_NAME", default="0 2 * * *")


@pytest.mark.parametrize(
    ("url", "name", "user", "password", "host", "port"),
    [
        ("postgresql://mo:secret@db.example:6432/look", "look", "mo", "secret", "db.example", 6432),
        ("postgres://mo@db/look", "look", "mo", "", "db", 5432),
        ("postgresql://mo:p%40ss%2Fw@db/look", "look", "mo", "p@ss/w", "db", 5432),
        ("postgresql://mo@%2Fvar%2Frun%2FPostgres/look", "look", "mo", "", "/var/run/Postgres", 5432),
        ("postgresql://mo@[::1]:6432/look", "look", "mo", "", "::1", 6432),
        ("postgresql:///look", "look", "", "", "", 5432),
        ("postgresql://db/look/", "look", "", "", "db", 5432),
        ("postgresql://db/se%20cond", "se cond", "", "", "db", 5432),
    ],
)
def test_a_database_url_is_parsed(
    given_value, url: str, name: str, user: str, password: str, host: str, port: int
) -> None:
    given_value(url)
    expected = {"NAME": name, "USER": user, "PASSWORD": password, "HOST": host, "PORT": port}
    assert env.database_url("SOME_NAME") == expected


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("mysql://mo@db/look", "starts with 'mysql', but only PostgreSQL is supported"),
        ("sqlite:///db.sqlite3", "starts with 'sqlite'"),
        ("just-a-name", "starts with 'just-a-name'"),
        ("postgresql://mo@db", "names no database"),
        ("postgresql://mo@db/", "names no database"),
        ("postgresql://mo@db:port/look", "has a bad port"),
        ("postgresql://mo@db:70000/look", "has a bad port"),
    ],
)
def test_a_wrong_database_url_is_refused(given_value, url: str, found: str) -> None:
    given_value(url)
    with pytest.raises(ImproperlyConfigured, match=f"^SOME_NAME {found}.*write 'postgresql://USER:PASSWORD@HOST:PORT"):
        env.database_url("SOME_NAME")


def test_a_database_urls_parameters_are_passed_on(given_value) -> None:
    given_value("postgresql://mo@db/look?sslmode=verify-full&sslrootcert=%2Fetc%2Fdb.pem&application_name=")
    assert env.database_options("SOME_NAME") == {
        "sslmode": "verify-full",
        "sslrootcert": "/etc/db.pem",
        "application_name": "",
    }
    assert env.database_url("SOME_NAME")["NAME"] == "look"


@pytest.mark.parametrize("url", ["", "postgresql://mo@db/look"])
def test_without_parameters_nothing_is_passed_on(given_value, url: str) -> None:
    given_value(url)
    assert env.database_options("SOME_NAME") == {}


@pytest.mark.parametrize("unknown", ["ssl", "options", "passfile", "sslmodes"])
def test_an_unknown_parameter_of_a_database_url_is_refused(given_value, unknown: str) -> None:
    given_value(f"postgresql://mo:secret@db/look?sslmode=require&{unknown}=1")
    with pytest.raises(ImproperlyConfigured, match=rf"^SOME_NAME has {unknown} after '\?'; accepted are sslmode, "):
        env.database_options("SOME_NAME")


@pytest.mark.parametrize(
    ("parse", "value"),
    [
        (lambda: env.database_url("X"), "postgresql://[half/db"),
        (lambda: env.number("X", default=1), "9" * 5000),
        (lambda: env.schedule("X", default=""), "0 2 * * * *"),
    ],
)
def test_odd_values_are_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, parse: Callable[[], object], value: str
) -> None:
    monkeypatch.setenv("X", value)
    with pytest.raises(ImproperlyConfigured, match=r"^X"):
        parse()


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("smtp://mail.example.org", env.MailServer("mail.example.org", 587, tls="starttls")),
        ("smtps://u:p%40ss@mail.example.org", env.MailServer("mail.example.org", 465, "u", "p@ss", "always")),
        ("smtp://127.0.0.1:2525?tls=none", env.MailServer("127.0.0.1", 2525)),
        ("smtp://relay?tls=none", env.MailServer("relay", 25)),
        ("", env.MailServer()),
    ],
)
def test_a_mail_server_is_encrypted_unless_the_url_says_otherwise(given_value, value: str, read) -> None:
    given_value(value)
    assert env.mail_server("SOME_NAME") == read


@pytest.mark.parametrize(
    "value", ["mail.example.org", "http://mail", "smtp://", "smtp://h:x", "smtp://h?tls=maybe", "smtps://h?tls=none"]
)
def test_a_wrong_mail_server_is_refused_without_repeating_a_password(given_value, value: str) -> None:
    given_value(value.replace("//", "//user:secret@"))
    with pytest.raises(ImproperlyConfigured, match=r"^SOME_NAME .*write 'smtp://USER:PASSWORD@HOST:587'") as refused:
        env.mail_server("SOME_NAME")
    assert "secret" not in str(refused.value)


def test_addresses_are_checked_one_by_one(given_value) -> None:
    given_value("a@example.org, b@example.org")
    assert env.addresses("SOME_NAME") == ["a@example.org", "b@example.org"]
    given_value("a@example.org,somebody")
    with pytest.raises(ImproperlyConfigured, match=r"^SOME_NAME: 'somebody' is not an e-mail address"):
        env.addresses("SOME_NAME")
    with pytest.raises(ImproperlyConfigured, match=r"^SOME_NAME: 'a@example\.org,somebody'"):
        env.address("SOME_NAME", default="")


def test_report_to_needs_a_mail_server() -> None:
    given = {**os.environ, "REPORT_TO": "ops@example.org", "EMAIL_URL": ""}
    command = [sys.executable, "-c", "import moderation.settings"]
    asked = subprocess.run(command, check=False, env=given, capture_output=True, text=True)
    assert asked.returncode == 1
    assert "REPORT_TO is set, but EMAIL_URL is not" in asked.stderr


@pytest.mark.parametrize("value", ["short", "x" * 23, "a secret with spaces in it ......"])
def test_a_secret_that_can_be_guessed_is_refused_without_repeating_it(given_value, value: str) -> None:
    given_value(value)
    with pytest.raises(ImproperlyConfigured, match=r"^SOME_NAME has .* characters: write 24 or more") as refused:
        env.long_secret("SOME_NAME")
    assert value not in str(refused.value)


@pytest.mark.parametrize("value", ["", "x" * 24])
def test_a_long_secret_or_none_is_accepted(given_value, value: str) -> None:
    given_value(value)
    assert env.long_secret("SOME_NAME") == value
