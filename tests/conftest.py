"""A throw-away PostgreSQL and a throw-away DATA_DIR for every test session, made before the settings are read."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import pytest

# Workers of pytest-xdist share the cluster of the process that started them: they inherit its environment.
if "SECOND_LOOK_TEST_DATA" not in os.environ:
    folder = Path(tempfile.mkdtemp(prefix="second-look-test-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["SECOND_LOOK_TEST_DATA"] = str(folder)
    if "DATABASE_URL" not in os.environ:
        from moderation.cluster import Cluster

        cluster = Cluster.throwaway(folder)
        atexit.register(cluster.stop)
        os.environ["DATABASE_URL"] = cluster.url()
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
DATA = Path(os.environ["SECOND_LOOK_TEST_DATA"]) / WORKER
(DATA / "static").mkdir(parents=True, exist_ok=True)
os.environ["DATA_DIR"] = str(DATA)
os.environ["SECRET_KEY"] = "only for tests " * 4
# Playwright's event loop runs in the thread of the tests, which talk to the database as well.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"


@pytest.fixture(autouse=True)
def plain_settings(settings: object, tmp_path: Path) -> None:
    """Static files as they lie in the tree, a quick password hasher, a DATA_DIR per test."""
    settings.DATA_DIR = tmp_path / "data"  # type: ignore[attr-defined]
    settings.DATA_DIR.mkdir()  # type: ignore[attr-defined]
    settings.STORAGES = {  # type: ignore[attr-defined]
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # type: ignore[attr-defined]
