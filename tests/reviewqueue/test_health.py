"""/healthz and /readyz, for operators."""

import pytest
from django.db import connection
from django.test import Client

from moderation.models import Classifier, Upload
from moderation.tuning.versions import put_in_force
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
    assert list(checks) == ["database", "migrations", "classifiers", "oldest_pending", "storage"]
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
    with connection.cursor() as cursor:
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
    assert list(answer.json()["checks"]) == ["database", "storage"]
