"""Create a throw-away PostgreSQL and a throw-away DATA_DIR for each test session, before the settings are read."""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import django
import hypothesis
import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from pytest_django import DjangoDbBlocker, Settings

from localpg import SERVING, Cluster
from localpg.file_locks import locked
from moderation import env
from tests.database_owner import tampering


def memory_or_disk() -> Path:
    """Return the fastest folder for the server's files: in memory if there is room, otherwise on disk."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 1_500_000_000
    return memory if roomy else Path(tempfile.gettempdir())


# manage.py sets the same; the tests also start its processes.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# pytest-django must not read the settings before this line, so pyproject.toml does not name them.
os.environ["DJANGO_SETTINGS_MODULE"] = "moderation.settings"
# Workers must collect the same tests in the same order, and this seed determines the order of strings in a set.
os.environ.setdefault("PYTHONHASHSEED", "0")
# Workers of pytest-xdist inherit the environment of the process that started them, and so share its folder and server.
if "SECOND_LOOK_TEST_DATA" not in os.environ:
    folder = Path(tempfile.mkdtemp(prefix="second-look-test-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["SECOND_LOOK_TEST_DATA"] = str(folder)
    if "DATABASE_URL" not in os.environ:
        cluster = Cluster.throwaway(memory_or_disk())
        atexit.register(cluster.stop)
        os.environ["DATABASE_URL"] = os.environ["SECOND_LOOK_TEST_CLUSTER"] = cluster.url(role=SERVING)
        os.environ["DATABASE_OWNER_URL"] = cluster.url()
# The database that the workers copy.
MIGRATED = "migrated"
IS_OUR_CLUSTER = os.environ["DATABASE_URL"] == os.environ.get("SECOND_LOOK_TEST_CLUSTER")
DATA = Path(os.environ["SECOND_LOOK_TEST_DATA"]) / os.environ.get("PYTEST_XDIST_WORKER", "main")
(DATA / "static").mkdir(parents=True, exist_ok=True)
os.environ["DATA_DIR"] = str(DATA)
os.environ["SECRET_KEY"] = "only for tests " * 4
# Playwright's event loop runs in the same thread as the tests, which query the database.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
# No deadline for property-based tests: they would fail on a busy machine.
hypothesis.settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("unhurried")
# Other conftest files import models before pytest-django sets Django up.
django.setup()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the longest tests first; started last, they would keep one process busy while the others are idle."""
    items.sort(key=lambda item: "lengthy" not in item.keywords)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, django_db_blocker: DjangoDbBlocker
) -> None:
    """Let the owner make the databases.

    The workers on the session's own cluster copy one migrated database instead of each migrating its own.
    """
    log_in(django.conf.settings.DATABASE_OWNER)
    if "PYTEST_XDIST_WORKER" in os.environ and IS_OUR_CLUSTER:
        with django_db_blocker.unblock():
            migrate_once()
        connection.settings_dict["TEST"]["TEMPLATE"] = MIGRATED


@pytest.fixture(scope="session")
def django_db_setup(django_db_modify_db_settings: None, django_db_setup: None) -> Iterator[None]:
    """Let the tests connect as the role that serves, and the owner drop the databases."""
    # Of the class, since a browser test has several connections.
    operations = type(connection.ops)
    empty_tables = operations.execute_sql_flush

    def empty_tables_as_owner(self: object, statements: list[str]) -> None:
        with tampering():
            empty_tables(self, statements)

    operations.execute_sql_flush = empty_tables_as_owner  # type: ignore[method-assign]
    log_in(env.database_url("DATABASE_URL"))
    yield
    log_in(django.conf.settings.DATABASE_OWNER)


def log_in(account: Mapping[str, str | int] | None) -> None:
    """Let the next connection be one of this account. None: there is only one role."""
    connection.close()
    if account:
        connection.settings_dict.update({name: account[name] for name in ("USER", "PASSWORD")})


def migrate_once() -> None:
    """Migrate the cluster's initial database, and keep a copy that nobody connects to.

    PostgreSQL refuses to copy a database with open connections, and some tests start processes on the initial one.
    """
    done = DATA.with_name("migrated")
    with locked(DATA.with_name("migrating"), seconds=600):
        if not done.exists():
            call_command("migrate", verbosity=0)
            initial = connection.settings_dict["NAME"]
            connection.close()
            with connection._nodb_cursor() as cursor:
                cursor.execute(f'CREATE DATABASE {MIGRATED} TEMPLATE "{initial}"')
            done.touch()


@pytest.fixture(autouse=True)
def plain_settings(settings: Settings, tmp_path: Path) -> None:
    """Serve static files from the source tree, hash passwords quickly, and use a new DATA_DIR for each test."""
    settings.DATA_DIR = tmp_path / "data"
    settings.DATA_DIR.mkdir()
    cache.clear()  # the number of sign-ins within a minute is counted there
    settings.STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
