"""Content-addressed files: whole or not at all, kept once."""

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moderation import storage

SHA256_OF_ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_an_upload_lies_below_the_first_digits_of_its_sha256(settings) -> None:
    assert storage.store_upload(b"abc") == SHA256_OF_ABC
    path = Path(settings.DATA_DIR) / "uploads" / "ba" / "78" / SHA256_OF_ABC
    assert storage.upload_path(SHA256_OF_ABC) == path
    assert path.read_bytes() == b"abc"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(st.lists(st.binary(max_size=200), max_size=6))
def test_what_is_read_is_what_was_written(chunks: list[bytes]) -> None:
    path = storage.uploads_folder() / "folder" / "file"
    storage.write(path, chunks)
    assert path.read_bytes() == b"".join(chunks)
    assert list(path.parent.iterdir()) == [path]


def test_the_same_bytes_are_kept_once() -> None:
    first = storage.upload_path(storage.store_upload(b"same"))
    inode = first.stat().st_ino
    storage.store_upload(b"same")
    assert list(storage.stored_files()) == [first]
    assert first.stat().st_ino == inode


def test_bytes_that_come_again_are_young_again() -> None:
    path = storage.upload_path(storage.store_upload(b"again"))
    os.utime(path, (0, 0))
    before = time.time() - 60
    storage.store_upload(b"again")
    assert path.stat().st_mtime > before


def test_a_rendition_says_which_frame_and_which_variant() -> None:
    clear = storage.rendition_path(SHA256_OF_ABC, frame=3, variant="clear")
    assert clear.relative_to(storage.renditions_folder()) == Path(f"ba/78/{SHA256_OF_ABC}-3-clear.jpg")
    assert clear != storage.rendition_path(SHA256_OF_ABC, frame=3, variant="blurred")
    assert clear != storage.rendition_path(SHA256_OF_ABC, frame=0, variant="clear")


def test_an_existing_file_is_replaced_whole() -> None:
    path = storage.uploads_folder() / "file"
    storage.write(path, [b"a longer first version"])
    storage.write(path, [b"short"])
    assert path.read_bytes() == b"short"


def chunks_then(error: BaseException) -> Iterator[bytes]:
    yield b"the first half"
    raise error


@pytest.mark.parametrize("error", [ValueError("the sender stopped"), KeyboardInterrupt()])
def test_what_stops_half_way_leaves_nothing_and_keeps_what_was_there(error: BaseException) -> None:
    path = storage.uploads_folder() / "folder" / "file"
    storage.write(path, [b"before"])
    with pytest.raises(type(error)):
        storage.write(path, chunks_then(error))
    assert [kept.name for kept in path.parent.iterdir()] == ["file"]
    assert path.read_bytes() == b"before"


def test_a_full_disk_is_named_and_leaves_nothing() -> None:
    folder = storage.uploads_folder()
    with pytest.raises(
        storage.StorageFull, match=r"could not be written \(No space left on device\)\. Free some space"
    ):
        storage.write(folder / "file", chunks_then(OSError(28, "No space left on device")))
    assert list(storage.stored_files()) == []


def test_a_file_in_the_way_of_a_folder_is_named(settings) -> None:
    (Path(settings.DATA_DIR) / "uploads").write_bytes(b"not a folder")
    with pytest.raises(storage.StorageFull, match=r"uploads/ba/78 could not be written \(.*\)\. Free some space"):
        storage.write(storage.upload_path(SHA256_OF_ABC), [b"abc"])


def test_stored_files_are_uploads_and_renditions_and_what_was_left_half_written() -> None:
    upload = storage.upload_path(storage.store_upload(b"abc"))
    rendition = storage.rendition_path(hashlib.sha256(b"abc").hexdigest(), frame=0, variant="clear")
    storage.write(rendition, [b"jpeg"])
    part = upload.with_name(".half.part")
    part.write_bytes(b"ha")
    storage.write(storage.classifiers_folder() / "other.onnx", [b"not of uploads"])
    assert set(storage.stored_files()) == {upload, rendition, part}


def test_before_the_first_upload_there_are_no_stored_files() -> None:
    assert list(storage.stored_files()) == []
