"""`manage.py` as a whole: its help, its failures in one line, and the ends that are none."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command, get_commands
from django.db import InternalError, ProgrammingError
from psycopg import errors

from moderation.management import command_line
from moderation.management.command_line import INTERRUPTED, READER_GONE, run
from moderation.management.failures import explain
from tests.docs.markdown import ROOT

NO_SERVER = "postgresql://nobody@127.0.0.1:1/none"


def manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": NO_SERVER, **environment},
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"DEBUG": "yes"}, "DEBUG='yes': write 'True' or 'False'."),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL='loud': write debug or info"),
        ({"DATABASE_URL": "mysql://db/look"}, "DATABASE_URL starts with 'mysql'"),
        ({"DATABASE_URL": NO_SERVER}, "The database cannot be reached"),
        ({"SECRET_KEY": "", "DATA_DIR": "/dev/null/data"}, "DATA_DIR /dev/null/data cannot be used"),
    ],
)
def test_a_wrong_environment_is_told_in_one_line(environment: dict[str, str], says: str) -> None:
    done = manage("token", "list", "--json", **environment)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(says)
    assert done.stderr.count("\n") == 1


def test_a_reader_that_ends_early_ends_the_command_quietly() -> None:
    # `true` ends long before the command writes.
    command = f"{sys.executable} manage.py help | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (READER_GONE, "")


def test_ctrl_c_ends_the_command_quietly(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    def interrupted(argv: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command_line, "prepare", interrupted)
    assert run(["manage.py", "help"]) == INTERRUPTED
    assert capsys.readouterr().err == ""


def test_traceback_shows_where_a_failure_came_from() -> None:
    done = manage("token", "list", "--traceback")
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def caused_by(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (caused_by(InternalError("x"), errors.ReadOnlySqlTransaction()), "The database is read-only."),
        (caused_by(ProgrammingError("x"), errors.UndefinedTable()), "Run 'manage.py migrate'"),
        (caused_by(ProgrammingError("no right to x\nLINE 1"), errors.InsufficientPrivilege()), "(no right to x)"),
        (OSError(28, "No space left on device", "/data/x"), "/data/x: No space left on device. Free some space, then"),
        (PermissionError(13, "Permission denied", "/data/x"), "Run the command as the account that owns it"),
    ],
)
def test_a_failure_says_what_happened_and_what_to_do(error: Exception, says: str) -> None:
    line = explain(error)
    assert line is not None
    assert says in line
    assert line.endswith("then run the command again.")
    assert "\n" not in line


def test_a_fault_of_the_program_keeps_its_traceback() -> None:
    assert explain(caused_by(ProgrammingError("x"), errors.SyntaxError())) is None


def test_the_help_lists_the_products_commands_first_each_with_a_line(capsys) -> None:
    assert run(["manage.py", "--help"]) == 0
    own, others = capsys.readouterr().out.split("Commands of Django and of libraries:")
    names = {name for name, app in get_commands().items() if app == "moderation"}
    described = {line.split()[0]: line.split(maxsplit=1)[1] for line in own.splitlines() if line.startswith("  ")}
    assert described.keys() == names
    assert all(text.endswith(".") for text in described.values())
    assert "createsuperuser" in others


@pytest.mark.parametrize("name", sorted(name for name, app in get_commands().items() if app == "moderation"))
def test_the_help_of_a_command_shows_its_own_options_and_names_djangos_at_the_end(name: str, capsys) -> None:
    with pytest.raises(SystemExit):
        run(["manage.py", name, "--help"])
    options, generic = capsys.readouterr().out.split("Every command also accepts")
    assert "--pythonpath" not in options
    assert "--traceback" in generic


def test_serve_refuses_to_start_without_collected_static_files(settings, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }
    with pytest.raises(CommandError, match=r"Nothing was started\. Run 'manage\.py collectstatic --noinput' first\."):
        call_command("serve", "--port", "9")
