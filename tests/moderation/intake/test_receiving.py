import hashlib
import random
import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import connection
from django.utils import timezone
from PIL import Image

from moderation import intake, storage
from moderation.decoding.images import ALLOWED_FORMATS
from moderation.demo.heic import heic
from moderation.models import Community, StoredFile, Upload
from tests.factories import image_bytes, make_user

pytestmark = pytest.mark.django_db


def receive(content: bytes, external_id: str = "1.png", **more: object) -> intake.Received:
    return intake.receive(content, source="shop", external_id=external_id, **more)


def test_an_image_is_recorded_with_what_its_header_says() -> None:
    content = image_bytes(size=(40, 30), fmt="JPEG")
    received = receive(content, "a/b.jpg")
    file = received.upload.file
    assert received.created
    assert (file.format, file.width, file.height, file.frames, file.size) == ("JPEG", 40, 30, 1, len(content))
    assert file.path.read_bytes() == content
    assert received.upload.status == "pending"


def test_the_digests_that_hash_lists_have_are_stored() -> None:
    content = image_bytes()
    file = receive(content).upload.file
    assert file.sha256 == hashlib.sha256(content).hexdigest()
    assert file.md5 == hashlib.md5(content, usedforsecurity=False).hexdigest()
    assert file.sha1 == hashlib.sha1(content, usedforsecurity=False).hexdigest()


def test_who_sent_it_and_for_whom_is_recorded() -> None:
    community, person = Community.objects.create(slug="art", name="Art"), make_user("op", group="operator")
    receive(image_bytes(), uploader_reference="u-7", community=community, received_by=person)
    upload = Upload.objects.get()
    assert (upload.uploader_reference, upload.community, upload.received_by) == ("u-7", community, person)


@pytest.mark.parametrize("fmt", sorted(set(ALLOWED_FORMATS) - {"MPO"}))
def test_every_accepted_format_comes_in(fmt: str) -> None:
    content = heic(Image.new("RGB", (96, 72))) if fmt == "HEIF" else image_bytes(fmt=fmt)
    assert receive(content).upload.file.format == fmt


def test_only_the_image_itself_is_kept_on_disk() -> None:
    upload = receive(image_bytes()).upload
    assert list(storage.stored_files()) == [upload.file.path]


def test_the_same_identity_and_bytes_are_a_duplicate() -> None:
    first, second = receive(image_bytes()), receive(image_bytes())
    assert not second.created
    assert second.upload == first.upload


def test_the_same_identity_with_other_bytes_is_refused() -> None:
    receive(image_bytes((1, 1, 1)))
    with pytest.raises(intake.ConflictingBytes, match="already received with other bytes"):
        receive(image_bytes((2, 2, 2)))
    assert len(list(storage.stored_files())) == 1


def test_two_uploads_of_the_same_bytes_share_one_file() -> None:
    first, second = receive(image_bytes(), "1.png").upload, receive(image_bytes(), "2.png").upload
    assert first != second
    assert first.file == second.file
    assert len(list(storage.stored_files())) == 1


def test_another_source_may_use_the_same_external_id() -> None:
    receive(image_bytes((1, 1, 1)))
    assert intake.receive(image_bytes((2, 2, 2)), source="other", external_id="1.png").created


def test_bytes_that_were_erased_are_kept_again_when_they_come_back() -> None:
    file = receive(image_bytes(), "1.png").upload.file
    StoredFile.objects.update(erased_at=timezone.now())
    file.path.unlink()
    receive(image_bytes(), "2.png")
    file.refresh_from_db()
    assert file.erased_at is None
    assert file.path.exists()


REFUSED = [
    (intake.Empty, b"", "1.png", "empty file"),
    (intake.FormatNotAllowed, b"%PDF-1.7 and more", "1.png", "This is a PDF document. Accepted are JPEG, PNG"),
    (intake.FormatNotAllowed, b"<svg/>", "1.png", "This is an SVG drawing"),
    (intake.TooLarge, b"\xff\xd8\xff" + bytes(20_000), "1.png", "20,003 bytes; at most 20,000"),
    (intake.TooManyPixels, image_bytes(size=(101, 100)), "1.png", "too many pixels; at most 10,000 .*10100"),
    (intake.FieldNotAllowed, image_bytes(), "", "nothing in external_id"),
    (intake.FieldNotAllowed, image_bytes(), "x" * 1001, "1,001 characters in external_id"),
    (intake.FieldNotAllowed, image_bytes(), "\U0001f4f7" * 700, "2,804 bytes"),
    (intake.FieldNotAllowed, image_bytes(), "a\0b", "not text"),
    (intake.FieldNotAllowed, image_bytes(), "a\udc80b", "not text"),
    (intake.FieldNotAllowed, image_bytes(), "cat\u202egpj.exe", r"the character U\+202E in external_id"),
    (intake.FieldNotAllowed, image_bytes(), "cat\u2069", r"the character U\+2069 in external_id"),
]


@pytest.mark.parametrize(("failure", "content", "external_id", "said"), REFUSED)
def test_what_is_refused_is_named_and_leaves_nothing(
    settings: object, failure: type[Exception], content: bytes, external_id: str, said: str
) -> None:
    settings.UPLOAD_MAX_BYTES, settings.UPLOAD_MAX_PIXELS = 20_000, 10_000
    with pytest.raises(failure, match=said) as caught:
        receive(content, external_id)
    assert isinstance(caught.value, intake.UploadRefused)
    assert not StoredFile.objects.exists()
    assert not list(storage.stored_files())


@pytest.mark.parametrize(
    "text", ["a", "x" * 1000, "é ü", "日本/写真.jpg", "שלום\u200f.jpg", "\U0001f4f7" * 600, "../../etc/passwd"]
)
def test_any_text_names_an_upload(text: str) -> None:
    assert receive(image_bytes(), text).upload.external_id == text


def test_the_longest_identity_that_is_accepted_fits_the_index() -> None:
    # Random characters, because PostgreSQL would compress a repeated one.
    text = "".join(chr(random.Random(1).randrange(0x4E00, 0x9FFF) + each % 7) for each in range(830))
    assert intake.receive(image_bytes(), source="s", external_id=text).created


def test_too_many_frames_are_refused_and_leave_nothing() -> None:
    head, frame = b"GIF89a\x58\x1b\x58\x1b\0\0\0", b",\0\0\0\0\1\0\1\0\0\2\2\x44\1\0"
    with pytest.raises(intake.TooManyFrames, match=r"300 frames of 7000 x 7000 .* Send a shorter"):
        receive(head + frame * 300 + b";", "1.gif")
    assert not StoredFile.objects.exists()
    assert not list(storage.stored_files())


def test_a_header_that_takes_too_long_is_left_to_the_pre_screen(settings: object) -> None:
    settings.DECODE_SECONDS = 0.05
    content = b"GIF89a\1\0\1\0\0\0\0!\xf0" + b"\1\0" * 8_000_000 + b"\0,\0\0\0\0\1\0\1\0\0\2\2\x44\1\0;"
    file = receive(content, "1.gif").upload.file
    assert (file.width, file.height, file.frames) == (None, None, None)


BROKEN = [
    image_bytes(fmt="PNG")[:30],
    image_bytes(fmt="JPEG")[:25],
    b"GIF89a" + bytes(3),
    b"RIFF\x10\0\0\0WEBPnothing here",
    b"\xff\xd8\xff" + random.Random(7).randbytes(500),
]


@pytest.mark.parametrize("content", BROKEN)
def test_an_unreadable_header_is_left_to_the_pre_screen(content: bytes) -> None:
    file = receive(content).upload.file
    assert (file.width, file.height, file.frames) == (None, None, None)
    assert file.path.read_bytes() == content


def in_threads(count: int, work: Callable[[int], object]) -> list[object]:
    """What ``work`` gave or raised in each thread, all started at once."""
    start, results = threading.Barrier(count), [None] * count

    def run(number: int) -> None:
        try:
            start.wait()
            results[number] = work(number)
        except Exception as error:  # noqa: BLE001  (whatever it is, it is the thread's result)
            results[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[number]) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.django_db(transaction=True)
def test_of_many_receivers_of_one_identity_one_makes_it() -> None:
    content = image_bytes()
    results = in_threads(12, lambda _: receive(content).created)
    assert sorted(results) == [False] * 11 + [True]
    assert Upload.objects.count() == StoredFile.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_receivers_with_other_bytes_one_wins() -> None:
    results = in_threads(12, lambda number: receive(image_bytes((number, 0, 0))))
    assert sum(isinstance(each, intake.Received) for each in results) == 1
    assert sum(isinstance(each, intake.ConflictingBytes) for each in results) == 11
    # The losers' rows are rolled back; their files, if written, are files without a row, which a sweep takes.
    assert StoredFile.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_many_receivers_of_the_same_bytes_share_one_file() -> None:
    content = image_bytes()
    results = in_threads(8, lambda number: receive(content, f"{number}.png").created)
    assert results == [True] * 8
    assert StoredFile.objects.count() == 1


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """The kernel refuses to write on, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_refuses_to_write_leaves_nothing_half_written() -> None:
    receive(image_bytes(), "fits.png")
    with no_file_larger_than(50_000), pytest.raises(storage.StorageFull, match=r"Free some space"):
        receive(image_bytes() + bytes(100_000), "large.png")
    assert len(list(storage.stored_files())) == 1
    assert Upload.objects.count() == StoredFile.objects.count() == 1
