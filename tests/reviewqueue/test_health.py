"""/healthz and /readyz, for operators."""

import json
import resource
from pathlib import Path

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.db import connection
from django.test import Client

from moderation.models import Classifier, Upload
from moderation.static_files import are_collected, own_files
from moderation.tuning.versions import put_in_force
from reviewqueue.system.errors import server_error
from tests.database_owner import as_owner
from tests.factories import make_upload, version_in_force


def ready() -> tuple[int, dict[str, dict[str, object]]]:
    answer = Client().get("/readyz")
    return answer.status_code, answer.json()["checks"]


def test_healthz_asks_nothing_of_the_database() -> None:
    answer = Client().get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok")
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.django_db
def test_a_whole_installation_is_ready() -> None:
    status, checks = ready()
    assert status == 200
    assert list(checks) == ["database", "migrations", "classifiers", "oldest_pending", "storage", "static_files"]
    assert checks["oldest_pending"] == {"ok": True, "detail": "none"}


@pytest.mark.django_db
def test_the_age_of_the_oldest_pending_upload_is_shown_and_is_no_failure() -> None:
    make_upload()
    assert Upload.objects.pending().exists()
    status, checks = ready()
    assert status == 200
    assert str(checks["oldest_pending"]["detail"]).endswith(" s")


@pytest.mark.django_db
def test_a_missing_migration_is_reported() -> None:
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'axes' AND name LIKE '0010%%'")
    status, checks = ready()
    assert status == 503
    assert checks["migrations"] == {"ok": False, "detail": "1 not applied; run 'manage.py migrate'"}


def activate_own(**fields: str) -> Classifier:
    """Put an own classifier in force instead of the embedded one."""
    fields = {"name": "own", "sha256": "0" * 64, "file_name": "own.onnx", **fields}
    own = Classifier.objects.create(
        preprocessing_version="1", manifest={}, positive_label="nsfw", licence="MIT", **fields
    )
    put_in_force(version_in_force().copy_as_draft(by=None, classifier=own), by=None, why="our own")
    return own


@pytest.mark.django_db
def test_a_missing_classifier_file_is_reported_without_its_path() -> None:
    own = activate_own()
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["classifiers"] == {"ok": False, "detail": "own: its file cannot be read"}
    assert str(own.path.parent) not in answer.content.decode()


@pytest.mark.django_db
def test_a_changed_classifier_file_is_reported() -> None:
    own = activate_own()
    own.path.parent.mkdir(parents=True)
    own.path.write_bytes(b"other bytes")
    status, checks = ready()
    assert status == 503
    assert "not the registered one" in str(checks["classifiers"]["detail"])


@pytest.mark.django_db
def test_unwritable_storage_is_reported_without_its_path(settings, tmp_path) -> None:
    settings.DATA_DIR = tmp_path / "gone"
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["storage"]["detail"] == "cannot be written (No such file or directory)"
    assert str(tmp_path) not in answer.content.decode()


@pytest.mark.django_db
def test_a_full_disk_is_reported(settings) -> None:
    settings.UPLOAD_MAX_BYTES = 2**62
    status, checks = ready()
    assert (status, checks["storage"]["ok"]) == (503, False)


@pytest.mark.django_db
def test_nothing_is_left_behind_by_the_check(settings) -> None:
    ready()
    assert list(settings.DATA_DIR.iterdir()) == []


@pytest.mark.django_db
def test_a_disk_that_takes_no_byte_is_reported_and_no_empty_file_stays(settings) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    soft, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        _, checks = ready()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert checks["storage"] == {"ok": False, "detail": "cannot be written (File too large)"}
    assert list(settings.DATA_DIR.iterdir()) == []


@pytest.mark.django_db
def test_a_read_only_database_is_reported() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET transaction_read_only = on")
    status, checks = ready()
    assert status == 503
    assert checks["database"]["ok"] is False
    assert str(checks["database"]["detail"]).startswith("read-only; connect to the primary server")


@pytest.mark.django_db
def test_static_files_that_were_not_collected_are_reported(manifest: Path) -> None:
    status, checks = ready()
    assert status == 503
    assert checks["static_files"] == {
        "ok": False,
        "detail": "not collected; run 'manage.py collectstatic', then restart",
    }


@pytest.mark.parametrize("address", ["/", "/accounts/login/", "/nowhere/", "/admin/"])
def test_pages_without_static_files_are_plain_and_log_a_line_each(manifest: Path, address: str, caplog) -> None:
    answer = Client().get(address)
    assert answer.status_code == 503
    assert "ask an operator to run &#x27;manage.py collectstatic&#x27;" in answer.content.decode().lower()
    assert [record.getMessage() for record in caplog.records] == [f"Service Unavailable: {address}"]
    assert caplog.records[0].exc_info is None


def test_a_release_with_a_new_static_file_is_not_ready_until_it_is_collected(manifest: Path) -> None:
    collected = {name: name for name in own_files() if name != "mark.svg"}
    manifest.write_text(json.dumps({"version": "1.1", "paths": collected, "hash": ""}))
    staticfiles_storage.hashed_files, _ = staticfiles_storage.load_manifest()
    assert not are_collected()
    manifest.write_text(json.dumps({"version": "1.1", "paths": {**collected, "mark.svg": "mark.svg"}, "hash": ""}))
    staticfiles_storage.hashed_files, _ = staticfiles_storage.load_manifest()
    assert are_collected()


def test_the_error_page_itself_needs_no_static_file(manifest: Path, rf) -> None:
    answer = server_error(rf.get("/"))
    assert answer.status_code == 500
    assert "Something failed on the server." in answer.content.decode()


@pytest.fixture
def manifest(settings, tmp_path: Path) -> Path:
    """The storage of static files in production, without collected files; the path of its list of names."""
    settings.STATIC_ROOT = tmp_path / "static"
    settings.STATIC_ROOT.mkdir()
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }
    return settings.STATIC_ROOT / "staticfiles.json"


@pytest.mark.django_db(transaction=True)
def test_without_a_database_the_answer_names_it_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check really connects, to a port where no server listens."""
    monkeypatch.setitem(connection.settings_dict, "HOST", "127.0.0.1")
    monkeypatch.setitem(connection.settings_dict, "PORT", 1)
    connection.close()
    try:
        answer = Client().get("/readyz")
    finally:
        connection.close()
    assert answer.status_code == 503
    assert answer.json()["checks"]["database"]["ok"] is False
    assert "127.0.0.1" not in answer.content.decode()
    assert list(answer.json()["checks"]) == ["database", "storage", "static_files"]
