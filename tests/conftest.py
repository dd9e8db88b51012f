"""A throw-away PostgreSQL and a throw-away DATA_DIR for every test session, made before the settings are read."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import django
import hypothesis
import pytest
from django.core.management import call_command
from django.db import connection
from pytest_django import DjangoDbBlocker, Settings

from localpg import Cluster
from localpg.file_locks import locked


def memory_or_disk() -> Path:
    """Where a server's files are quickest: in memory where there is room."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 1_500_000_000
    return memory if roomy else Path(tempfile.gettempdir())


# As manage.py says, whose processes the tests start as well.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# pytest-django must not have read the settings yet: pyproject.toml does not name them.
os.environ["DJANGO_SETTINGS_MODULE"] = "moderation.settings"
# Workers have to name the same tests in the same order, and the order of a set's strings hangs on this.
os.environ.setdefault("PYTHONHASHSEED", "0")
# Workers of pytest-xdist share what the process that started them has made: they inherit its environment.
if "SECOND_LOOK_TEST_DATA" not in os.environ:
    folder = Path(tempfile.mkdtemp(prefix="second-look-test-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["SECOND_LOOK_TEST_DATA"] = str(folder)
    if "DATABASE_URL" not in os.environ:
        cluster = Cluster.throwaway(memory_or_disk())
        atexit.register(cluster.stop)
        os.environ["DATABASE_URL"] = os.environ["SECOND_LOOK_TEST_CLUSTER"] = cluster.url()
IS_OUR_CLUSTER = os.environ["DATABASE_URL"] == os.environ.get("SECOND_LOOK_TEST_CLUSTER")
DATA = Path(os.environ["SECOND_LOOK_TEST_DATA"]) / os.environ.get("PYTEST_XDIST_WORKER", "main")
(DATA / "static").mkdir(parents=True, exist_ok=True)
os.environ["DATA_DIR"] = str(DATA)
os.environ["SECRET_KEY"] = "only for tests " * 4
# Playwright's event loop runs in the thread of the tests, which talk to the database as well.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
# On a busy machine no test of a law goes by the clock.
hypothesis.settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("unhurried")
# Other conftest files import models before pytest-django has had its turn.
django.setup()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest is begun first: at the end, one process would be busy with it and the others idle."""
    items.sort(key=lambda item: "lengthy" not in item.keywords)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, django_db_blocker: DjangoDbBlocker
) -> None:
    """Workers on our own cluster copy one migrated database, instead of migrating one each."""
    if "PYTEST_XDIST_WORKER" in os.environ and IS_OUR_CLUSTER:
        with django_db_blocker.unblock():
            migrate_once()
        connection.settings_dict["TEST"]["TEMPLATE"] = connection.settings_dict["NAME"]


def migrate_once() -> None:
    """Migrate the database that the cluster came with; no test uses it."""
    done = DATA.with_name("migrated")
    with locked(DATA.with_name("migrating"), seconds=600):
        if not done.exists():
            call_command("migrate", verbosity=0)
            connection.close()  # nothing is copied from a database that somebody is connected to
            done.touch()


@pytest.fixture(autouse=True)
def plain_settings(settings: Settings, tmp_path: Path) -> None:
    """Static files as they lie in the tree, a quick password hasher, a DATA_DIR per test."""
    settings.DATA_DIR = tmp_path / "data"
    settings.DATA_DIR.mkdir()
    settings.STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
