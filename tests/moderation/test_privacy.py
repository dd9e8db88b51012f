"""Files on the disk are private to the user that runs the product, whatever the umask."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings as project
from pytest_django import Settings

from moderation import env, storage
from moderation.apps import make_incoming_folder
from moderation.demo import loading
from tests.moderation.intake.test_receiving import in_threads


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def mode(path: Path) -> str:
    return oct(stat.S_IMODE(path.stat().st_mode))


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
@pytest.mark.parametrize(
    "path",
    [
        lambda: storage.upload_path("ab" * 32),
        lambda: storage.rendition_path("ab" * 32, frame=0, variant="clear"),
        lambda: storage.classifiers_folder() / "red.onnx",
    ],
)
def test_a_file_and_every_folder_above_it_are_private(mask: int, path) -> None:
    with umask(mask):
        storage.write(path(), [b"private"])
    folders = list(path().relative_to(project.DATA_DIR).parents)[:-1]
    assert mode(path()) == "0o600"
    assert {mode(project.DATA_DIR / folder) for folder in folders} == {"0o700"}


def test_a_folder_keeps_the_mode_that_the_operator_gave_it() -> None:
    storage.renditions_folder().mkdir()
    storage.renditions_folder().chmod(0o750)
    storage.write(storage.rendition_path("ab" * 32, frame=0, variant="clear"), [b"for nginx, too"])
    assert mode(storage.renditions_folder()) == "0o750"


def test_a_folder_that_cannot_be_made_is_reported() -> None:
    storage.uploads_folder().write_bytes(b"a file where a folder belongs")
    with pytest.raises(storage.StorageFull, match="could not be written"):
        storage.write(storage.upload_path("ab" * 32), [b"content"])


def test_long_bodies_are_stored_in_a_private_folder_that_is_swept(settings: Settings) -> None:
    assert Path(settings.FILE_UPLOAD_TEMP_DIR).is_dir()
    settings.FILE_UPLOAD_TEMP_DIR = settings.DATA_DIR / "incoming"
    with umask(0):
        make_incoming_folder()
    left = storage.incoming_folder() / "tmp1234.upload.png"
    left.write_bytes(b"left by a process that was killed")
    assert mode(storage.incoming_folder()) == "0o700"
    assert list(storage.stored_files()) == [left]


@pytest.mark.django_db
def test_the_demos_pictures_are_in_a_private_folder(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "make_images", lambda _photos, target: (target / "one.txt").write_bytes(b"text"))
    with umask(0):
        loading.tally(loading.load(None))
    assert mode(settings.DATA_DIR / "demo") == "0o700"


def test_first_starts_at_once_agree_on_the_key(tmp_path: Path) -> None:
    path = tmp_path / "data" / "secret_key"
    with umask(0):
        keys = in_threads(16, lambda _: env.kept_secret(path))
    assert set(keys) == {path.read_text()}
    assert len(path.read_text()) > 60
    assert mode(path) == "0o600"
    assert [file.name for file in path.parent.iterdir()] == ["secret_key"]


def test_a_stored_key_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("kept")
    assert env.kept_secret(tmp_path / "secret_key") == "kept"
