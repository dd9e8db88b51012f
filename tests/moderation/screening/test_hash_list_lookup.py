"""What hash lists know is routed by them in the pre-screen: without the network, outside the ledger, safe to kill."""

import io
import os
import signal
import struct
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from PIL import Image

from moderation.decoding.fingerprints import RADIUS, HashedPicture, Reading
from moderation.hashlists.entry_reviews import confirm, contest
from moderation.models import (
    DrawnUpload,
    Effect,
    Fingerprint,
    HashMatch,
    LedgerRow,
    PictureHash,
    Policy,
    PolicyVersion,
    ReviewTask,
    Score,
    Screening,
    Upload,
)
from moderation.screening.hash_list_lookup import HashListLookup
from moderation.tuning.rollup import roll_up
from moderation.tuning.versions import put_in_force
from moderation.verification import verify
from tests.factories import image_bytes, make_entry, make_hash_list, make_upload, make_uploads, make_user, red
from tests.moderation.screening.pictures import changed, photo, picture_of
from tests.processes import PATIENCE, start_command, wait_for

pytestmark = pytest.mark.django_db(transaction=True)
Prescreen = Callable[..., dict[str, Any]]


def flipped(pdq: bytes, *, bits: int) -> bytes:
    return (int.from_bytes(pdq) ^ (1 << bits) - 1).to_bytes(32)


def status_of(upload: Upload) -> str:
    return Upload.objects.get(pk=upload.pk).status


@pytest.mark.parametrize(("kind", "value", "status"), [("known_bad", 0.1, "rejected"), ("known_good", 0.9, "approved")])
def test_known_bytes_are_routed_by_their_list_and_not_scored(
    red_policy: PolicyVersion, prescreen: Prescreen, kind: str, value: float, status: str
) -> None:
    content = red(value)
    entry = make_entry(make_hash_list(kind), content)
    upload = make_upload(content=content)
    report = prescreen()
    assert status_of(upload) == status
    assert HashMatch.objects.get().entry == entry
    assert (report["uploads"], report["matched"], report[status], report["views"]) == (1, 1, 1, 0)
    assert [table.objects.count() for table in (Score, Screening, ReviewTask)] == [0, 0, 0]
    assert Effect.objects.in_force().get().match.entry == entry
    assert verify().problems == []


def test_a_match_never_enters_the_ledger(red_policy: PolicyVersion, prescreen: Prescreen) -> None:
    put_in_force(
        red_policy.copy_as_draft(by=None, audit_rate_approve=1.0, audit_rate_reject=1.0), by=None, why="Audits."
    )
    make_entry(make_hash_list(), red(0.1))
    make_upload(content=red(0.1))
    prescreen()
    roll_up()
    assert HashMatch.objects.count() == 1
    assert [table.objects.count() for table in (DrawnUpload, LedgerRow, ReviewTask)] == [0, 0, 0]


def test_a_picture_is_known_when_it_was_compressed_again(red_policy: PolicyVersion, prescreen: Prescreen) -> None:
    make_entry(make_hash_list(), picture_of("cat.jpg").pdq, is_picture=True)
    copy, other = make_upload(content=changed("cat.jpg")), make_upload(content=photo("coffee.jpg"))
    assert prescreen()["matched"] == 1
    assert status_of(copy) == "rejected"
    assert 0 <= HashMatch.objects.get(upload=copy).distance <= RADIUS
    assert list(Score.objects.values_list("file", flat=True)) == [other.file_id], "the network is not asked"
    assert Fingerprint.objects.filter(file=copy.file_id).exists(), "its picture is noted all the same"
    assert verify().problems == []


def test_a_mirror_image_is_known_also_when_it_comes_again(red_policy: PolicyVersion, prescreen: Prescreen) -> None:
    hash_list = make_hash_list()
    make_entry(hash_list, picture_of("cat.jpg").mirrored, is_picture=True)
    for _ in range(2):
        upload = make_upload(content=photo("cat.jpg"))
        prescreen()
        assert status_of(upload) == "rejected"
    assert verify().problems == []


@pytest.mark.parametrize(("bits", "radius", "known"), [(5, 5, True), (6, 5, False), (RADIUS, RADIUS, True)])
def test_a_list_may_ask_for_a_smaller_radius(
    red_policy: PolicyVersion, prescreen: Prescreen, bits: int, radius: int, known: bool
) -> None:
    hash_list = make_hash_list(radius=radius)
    make_entry(hash_list, flipped(picture_of("cat.jpg").pdq, bits=bits), is_picture=True)
    make_upload(content=photo("cat.jpg"))
    assert prescreen()["matched"] == known


def test_a_file_that_was_scored_before_a_list_came_is_known_when_it_comes_again(
    red_policy: PolicyVersion, prescreen: Prescreen
) -> None:
    before = make_upload(content=photo("cat.jpg"))
    prescreen()
    make_entry(make_hash_list(), picture_of("cat.jpg").pdq, is_picture=True)
    again = make_upload(content=photo("cat.jpg"))
    prescreen()
    assert status_of(again) == "rejected"
    assert status_of(before) != "rejected", "what was screened keeps its screening"
    assert before.screenings.live().count() == 1


def test_known_bad_wins_over_known_good(red_policy: PolicyVersion, prescreen: Prescreen) -> None:
    make_entry(make_hash_list("known_good"), photo("cat.jpg"))
    bad = make_entry(make_hash_list(), flipped(picture_of("cat.jpg").pdq, bits=9), is_picture=True)
    upload = make_upload(content=photo("cat.jpg"))
    prescreen()
    assert upload.hash_matches.get().entry == bad


def test_of_several_entries_the_nearest_rules_and_then_the_oldest(
    red_policy: PolicyVersion, prescreen: Prescreen
) -> None:
    pdq = picture_of("cat.jpg").pdq
    make_entry(make_hash_list(), flipped(pdq, bits=3), is_picture=True)
    oldest = make_entry(make_hash_list(), pdq, is_picture=True)
    make_entry(make_hash_list(), pdq, is_picture=True)
    upload = make_upload(content=photo("cat.jpg"))
    prescreen()
    assert upload.hash_matches.get().entry == oldest


def test_known_bad_bytes_need_not_be_readable(red_policy: PolicyVersion, prescreen: Prescreen) -> None:
    broken = image_bytes()[:60]
    make_entry(make_hash_list(), broken)
    known, other = make_upload(content=broken), make_upload(content=image_bytes()[:61])
    report = prescreen()
    assert (status_of(known), status_of(other)) == ("rejected", "quarantined")
    assert report["uploads"] == report["rejected"] + sum(report["quarantined"].values()) == 2


def test_known_good_bytes_that_can_not_be_read_are_approved_by_their_list(
    red_policy: PolicyVersion, prescreen: Prescreen
) -> None:
    make_entry(make_hash_list("known_good"), broken := image_bytes()[:60])
    make_entry(make_hash_list(), picture_of("cat.jpg").pdq, is_picture=True)
    upload = make_upload(content=broken)
    prescreen()
    assert status_of(upload) == "approved"


def opened(name: str) -> Image.Image:
    with Image.open(io.BytesIO(photo(name))) as image:
        return image.convert("RGB")


def animation(*names: str) -> bytes:
    out = io.BytesIO()
    first, *others = (opened(name).resize((400, 300)) for name in names)
    first.save(out, "WEBP", save_all=True, append_images=others, lossless=True)
    return out.getvalue()


def on_its_side(name: str) -> bytes:
    """The photograph as it is, with an orientation that turns it."""
    out, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    opened(name).save(out, "JPEG", quality=95, exif=exif)
    return out.getvalue()


def see_through(name: str) -> bytes:
    """The photograph, fading out to the right."""
    out, picture = io.BytesIO(), opened(name).convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").rotate(90).resize(picture.size))
    picture.save(out, "PNG")
    return out.getvalue()


def with_preview(name: str, preview: str) -> bytes:
    """The photograph with a preview of another one in its EXIF block."""
    small = io.BytesIO()
    opened(preview).resize((160, 120)).save(small, "JPEG", quality=95)
    out = io.BytesIO()
    opened(name).save(out, "JPEG", quality=95, exif=_with_preview_bytes(small.getvalue()))
    return out.getvalue()


def _with_preview_bytes(preview: bytes) -> bytes:
    """Compose an EXIF block: an empty first directory, and a second one with the preview's place and length."""
    entries = struct.pack("<HHLL", 0x0201, 4, 1, 44) + struct.pack("<HHLL", 0x0202, 4, 1, len(preview))
    block = b"II*\0" + struct.pack("<L", 8) + struct.pack("<HL", 0, 14) + struct.pack("<H", 2) + entries + bytes(4)
    return b"Exif\0\0" + block + preview


@pytest.mark.parametrize(
    "content",
    [
        lambda: photo("cat.jpg"),
        lambda: animation("coffee.jpg", "cat.jpg"),
        lambda: on_its_side("cat.jpg"),
        lambda: see_through("cat.jpg"),
        lambda: with_preview("cat.jpg", "coffee.jpg"),
    ],
    ids=["plain", "second frame", "turned", "transparent", "with a preview"],
)
def test_a_known_bad_picture_is_found_however_its_file_shows_it(
    red_policy: PolicyVersion, prescreen: Prescreen, content: Callable[[], bytes]
) -> None:
    make_entry(make_hash_list(), picture_of("cat.jpg").pdq, is_picture=True)
    upload = make_upload(content=content())
    assert prescreen()["matched"] == 1
    assert status_of(upload) == "rejected"
    again = make_upload(content=content())
    prescreen()
    assert status_of(again) == "rejected", "by the hashes that are stored"
    assert verify().problems == []


@pytest.mark.parametrize(
    ("content", "matched"),
    [
        (lambda: photo("cat.jpg"), 1),
        (lambda: on_its_side("cat.jpg"), 1),
        (lambda: animation("coffee.jpg", "cat.jpg"), 0),
        (lambda: see_through("cat.jpg"), 0),
        (lambda: with_preview("coffee.jpg", "cat.jpg"), 0),
    ],
    ids=["plain", "turned", "second frame", "hidden colours", "preview"],
)
def test_a_known_good_picture_vouches_only_for_a_file_that_shows_nothing_else(
    red_policy: PolicyVersion, prescreen: Prescreen, content: Callable[[], bytes], matched: int
) -> None:
    make_entry(make_hash_list("known_good"), picture_of("cat.jpg").pdq, is_picture=True)
    make_upload(content=content())
    assert prescreen()["matched"] == matched


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256"])
def test_bytes_are_known_by_each_algorithm(red_policy: PolicyVersion, prescreen: Prescreen, algorithm: str) -> None:
    make_entry(make_hash_list(name="ours"), red(0.1), algorithm=algorithm)
    upload = make_upload(content=red(0.1))
    prescreen()
    assert status_of(upload) == "rejected"
    assert upload.hash_matches.get().how.endswith(": the same bytes")
    assert verify().problems == []


@pytest.mark.parametrize(("algorithm", "matched"), [("md5", 0), ("sha1", 0), ("sha256", 1)])
def test_a_hash_that_can_be_forged_approves_nothing(
    red_policy: PolicyVersion, prescreen: Prescreen, algorithm: str, matched: int
) -> None:
    make_entry(make_hash_list("known_good"), red(0.9), algorithm=algorithm)
    make_upload(content=red(0.9))
    assert prescreen()["matched"] == matched


@pytest.mark.parametrize("pdq", [bytes(32), b"\xff" * 32])
def test_hashes_of_flat_pictures_match_nothing(red_policy: PolicyVersion, prescreen: Prescreen, pdq: bytes) -> None:
    assert make_entry(make_hash_list(), pdq, is_picture=True).is_flat
    make_upload(content=red(0.1))
    assert prescreen()["matched"] == 0


def test_so_do_hashes_of_too_low_a_quality(red_policy: PolicyVersion, prescreen: Prescreen) -> None:
    assert make_entry(make_hash_list(), picture_of("cat.jpg").pdq, is_picture=True, quality=49).is_flat
    make_upload(content=photo("cat.jpg"))
    assert prescreen()["matched"] == 0


YESTERDAY = timezone.now() - timedelta(days=1)


@pytest.mark.parametrize("off", [{"enabled": False}, {"expires_at": YESTERDAY}])
def test_a_list_that_is_off_or_has_run_out_routes_nothing(
    red_policy: PolicyVersion, prescreen: Prescreen, off: dict[str, Any]
) -> None:
    make_entry(make_hash_list(**off), red(0.1))
    upload = make_upload(content=red(0.1))
    assert prescreen()["matched"] == 0
    assert upload.screenings.exists()


@pytest.mark.parametrize("off", [{"enabled": False}, {"expires_at": YESTERDAY}])
@pytest.mark.parametrize("is_picture", [False, True])
def test_neither_does_such_an_entry(
    red_policy: PolicyVersion, prescreen: Prescreen, off: dict[str, Any], is_picture: bool
) -> None:
    known = picture_of("cat.jpg").pdq if is_picture else photo("cat.jpg")
    make_entry(make_hash_list(), known, is_picture=is_picture, **off)
    make_upload(content=photo("cat.jpg"))
    assert prescreen()["matched"] == 0


def test_a_contest_withdraws_and_the_next_pre_screen_asks_the_classifier(
    red_policy: PolicyVersion, prescreen: Prescreen
) -> None:
    entry = make_entry(make_hash_list(), red(0.1))
    upload = make_upload(content=red(0.1))
    prescreen()
    contest(entry, by=make_user("lead", group="lead"), why="It is a red square.")
    assert status_of(upload) == "pending"
    prescreen()
    assert status_of(upload) == "approved"
    assert verify().problems == []
    confirm(entry, by=None)
    again = make_upload(content=red(0.1))
    prescreen()
    assert (status_of(again), status_of(upload)) == ("rejected", "approved")
    assert verify().problems == []


def test_a_list_counts_under_its_own_policy_alone(red_policy: PolicyVersion, prescreen: Prescreen) -> None:
    other = Policy.objects.create(slug="weapons", name="Weapons")
    fields = {f: getattr(red_policy, f) for f in ("text", "reasons", "classifier", "labels", "low", "high")}
    rates = {"audit_rate_approve": 0.0, "audit_rate_reject": 0.0}
    put_in_force(
        PolicyVersion.objects.create(policy=other, number=1, **fields, **rates), by=None, why="A second policy."
    )
    make_entry(make_hash_list("known_bad", policy=other), red(0.1))
    upload = make_upload(content=red(0.1))
    report = prescreen()
    assert (report["uploads"], report["rejected"], report["matched"]) == (1, 1, 1)
    assert (upload.hash_matches.get().policy, upload.screenings.get().policy) == (other, red_policy.policy)
    assert status_of(upload) == "rejected"
    assert verify().problems == []


def test_a_dry_run_counts_matches_and_notes_none(red_policy: PolicyVersion, prescreen: Prescreen) -> None:
    make_entry(make_hash_list(), red(0.1))
    upload = make_upload(content=red(0.1))
    assert prescreen("--dry-run")["matched"] == 1
    assert status_of(upload) == "pending"
    assert not HashMatch.objects.exists()


def test_a_rescore_leaves_what_a_list_decided(red_policy: PolicyVersion, prescreen: Prescreen) -> None:
    make_entry(make_hash_list(), red(0.1))
    make_upload(content=red(0.1))
    screened = make_upload(content=red(0.5))
    prescreen()
    put_in_force(red_policy.copy_as_draft(by=None, low=0.6), by=None, why="Others.")
    make_entry(make_hash_list(), red(0.5))
    report = prescreen("--rescore")
    assert (report["uploads"], report["matched"], report["approved"]) == (1, 0, 1)
    assert status_of(screened) == "approved"
    assert verify().problems == []


def test_a_rescore_goes_by_lists_for_what_is_pending(red_policy: PolicyVersion, prescreen: Prescreen) -> None:
    make_entry(make_hash_list(), red(0.1))
    upload = make_upload(content=red(0.1))
    assert prescreen("--rescore")["matched"] == 1
    assert status_of(upload) == "rejected"


@pytest.mark.lengthy
def test_killed_in_the_middle_each_upload_is_routed_once(red_policy: PolicyVersion, prescreen: Prescreen) -> None:
    hash_list = make_hash_list()
    contents = [red(0.1, salt=salt) for salt in range(600)]
    for content in contents[::2]:
        make_entry(hash_list, content)
    make_uploads(contents)
    command = start_command("prescreen", "--processes", "2", quiet=True)
    wait_for(HashMatch.objects.exists)
    os.kill(command.pid, signal.SIGKILL)
    command.wait(timeout=PATIENCE)
    prescreen()
    assert (HashMatch.objects.count(), Screening.objects.count(), Effect.objects.count()) == (300, 300, 600)
    assert verify().problems == []


@pytest.mark.parametrize(("lists", "queries"), [(0, 1), (1, 5)])
def test_without_a_list_in_use_a_chunk_costs_one_query_more(
    red_policy: PolicyVersion, django_assert_num_queries: Any, lists: int, queries: int
) -> None:
    uploads = [make_upload() for _ in range(5)]
    for _ in range(lists):
        make_entry(make_hash_list(), picture_of("cat.jpg").pdq, is_picture=True)
        hashed = HashedPicture(frame=0, appearance=0, reading=Reading.UPRIGHT, hash=picture_of("cat.jpg"))
        PictureHash.of(uploads[0].file_id, hashed).save()
    make_entry(make_hash_list(enabled=False), red(0.1))
    with django_assert_num_queries(queries):
        known = HashListLookup([upload.file for upload in uploads], uploads, policies=[red_policy.policy_id], routed=())
        assert [known.decides_all(upload.file_id) for upload in uploads] == [bool(lists), False, False, False, False]


def test_an_upload_whose_entry_is_contested_meanwhile_is_left_for_the_next_chunk(red_policy: PolicyVersion) -> None:
    entry = make_entry(make_hash_list(), red(0.1))
    upload = make_upload(content=red(0.1))
    known = HashListLookup([upload.file], [upload], policies=[red_policy.policy_id], routed=())
    contest(entry, by=None, why="A red square.")
    with transaction.atomic():
        assert known.contested_meanwhile() == {upload.file_id}
