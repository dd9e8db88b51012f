"""Disk use is exact for few files and estimated from a sample for many."""

import hashlib

import pytest

from moderation import storage
from moderation.reporting import disk
from moderation.reporting.disk import Disk, used
from tests.factories import image_bytes


def fill(count: int, *, size: int) -> None:
    for number in range(count):
        path = storage.upload_path(hashlib.sha256(str(number).encode()).hexdigest())
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))


def test_few_files_are_all_measured() -> None:
    fill(50, size=100)
    assert used(storage.uploads_folder()) == disk.Used(5000, exact=True)


def test_many_files_are_estimated_from_some_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    fill(3000, size=100)
    monkeypatch.setattr(disk, "SAMPLE", 1000)
    found = used(storage.uploads_folder())
    assert not found.exact
    # A thousand files are measured. Ten per cent are more than three standard deviations, and the names are fixed.
    assert found.bytes == pytest.approx(300_000, rel=0.1)


def test_an_empty_folder_uses_nothing() -> None:
    assert used(storage.renditions_folder()) == disk.Used(0, exact=True)


@pytest.mark.django_db
def test_disk_use_has_all_its_parts() -> None:
    content = image_bytes()
    storage.store_upload(content)
    found = Disk.now()
    assert found.uploads.bytes == len(content)
    assert found.database > 1_000_000
    assert 0 < found.free < found.total
