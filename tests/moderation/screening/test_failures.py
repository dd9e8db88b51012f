"""A worker that fails for a reason that is no file's fault ends the run, and blames nobody."""

import pytest

from moderation import storage
from moderation.models import Classifier, PolicyVersion, ScreeningAttempt, ScreeningRun, Upload
from tests.factories import make_upload, make_uploads, red
from tests.processes import PATIENCE, start_command

pytestmark = pytest.mark.django_db(transaction=True)


def test_unwritable_storage_ends_the_run_and_blames_no_file(red_policy: PolicyVersion) -> None:
    make_uploads(red(0.5, salt=salt) for salt in range(10))
    storage.renditions_folder().write_text("a file in the folder's place")
    command = start_command("prescreen", "--processes", "1")
    _, err = command.communicate(timeout=PATIENCE)
    assert command.returncode == 1
    assert "StorageFull" in err
    assert Upload.objects.pending().count() == 10
    assert ScreeningRun.objects.get().state == "failed"


def test_what_failed_is_screened_once_the_storage_is_mended(red_policy: PolicyVersion) -> None:
    make_uploads(red(0.5, salt=salt) for salt in range(10))
    storage.renditions_folder().write_text("a file in the folder's place")
    start_command("prescreen", "--processes", "1").communicate(timeout=PATIENCE)
    storage.renditions_folder().unlink()
    _, err = (command := start_command("prescreen", "--processes", "1")).communicate(timeout=PATIENCE)
    assert command.returncode == 0, err
    assert Upload.objects.filter(status="in_review").count() == 10
    assert not ScreeningAttempt.objects.exists()


def test_two_commands_that_died_on_one_file_are_no_obstacle(red_policy: PolicyVersion) -> None:
    upload = make_upload(content=red(0.5))
    run = ScreeningRun.objects.create()
    for worker in ("first", "second"):
        ScreeningAttempt.objects.create(file=upload.file, run=run, worker=worker, suspect=True)
    _, err = (command := start_command("prescreen", "--processes", "1")).communicate(timeout=PATIENCE)
    assert command.returncode == 0, err
    upload.refresh_from_db()
    assert (upload.status, ScreeningAttempt.objects.count()) == ("in_review", 0)


def test_other_classifier_than_registered_refuses_to_run(transactional_db: None) -> None:
    make_upload(content=red(0.5))
    Classifier.objects.update(sha256="0" * 64)
    command = start_command("prescreen", "--processes", "1")
    _, err = command.communicate(timeout=PATIENCE)
    assert (command.returncode, Upload.objects.pending().count()) == (1, 1)
    assert "is registered as sha256 0000" in err
