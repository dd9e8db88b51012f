"""Near-duplicates join one cluster, whoever meets them first."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connections

from moderation.decoding.fingerprints import BITS, RADIUS
from moderation.decoding.fingerprints import PdqHash as Found
from moderation.models import Fingerprint, PolicyVersion, ReviewTask, Screening, StoredFile
from moderation.screening.clusters import join
from moderation.tuning.versions import put_in_force
from moderation.verification import verify
from tests.factories import make_upload
from tests.moderation.screening.pictures import changed, photo

FLIP = (1 << BITS) - 1


def hashed(value: int, *, quality: int = 100) -> Found:
    """A hash, and a mirror image that is unlike it."""
    return Found(value.to_bytes(32), (value ^ FLIP).to_bytes(32), quality)


def files(count: int) -> list[int]:
    made = StoredFile.objects.bulk_create(
        StoredFile(sha256=f"{number:064x}", size=1, format="PNG") for number in range(count)
    )
    return [file.pk for file in made]


def in_one_cluster(*found: Found | None) -> bool:
    pks = files(len(found))
    for pk, each in zip(pks, found, strict=True):
        join({pk: each}, using="default")
    return len(set(Fingerprint.objects.values_list("cluster_id", flat=True))) == 1


pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("bits", "joined"), [(0, True), (1, True), (RADIUS, True), (RADIUS + 1, False)])
def test_a_picture_joins_what_lies_within_the_radius(bits: int, joined: bool) -> None:
    assert in_one_cluster(hashed(1 << 200), hashed(1 << 200 ^ (1 << bits) - 1)) is joined


def test_a_mirror_image_is_the_same_picture() -> None:
    assert in_one_cluster(hashed(7 << 90), hashed(7 << 90 ^ FLIP))


def test_flat_pictures_and_those_without_a_hash_stand_for_themselves() -> None:
    assert not in_one_cluster(hashed(0, quality=49), hashed(0, quality=49))
    assert Fingerprint.near([bytes(32)]) == []


def test_animations_stand_for_themselves() -> None:
    assert not in_one_cluster(None, None)


def test_nothing_is_joined_through_a_third() -> None:
    """Each member lies within the radius of the one that is looked at: no chain leads away from it."""
    ends = hashed(0), hashed((1 << 2 * RADIUS) - 1)
    first, between, last = files(3)
    join({first: ends[0]}, using="default")
    join({between: hashed((1 << RADIUS) - 1)}, using="default")
    join({last: ends[1]}, using="default")
    clusters = dict(Fingerprint.objects.values_list("file_id", "cluster_id"))
    assert clusters == {first: first, between: first, last: last}


def test_the_nearest_is_joined() -> None:
    near, nearer, new = files(3)
    join({near: hashed(0), nearer: hashed((1 << 30) - 1)}, using="default")
    assert join({new: hashed((1 << 20) - 1)}, using="default") == {new: nearer}


def test_files_of_one_chunk_join_each_other() -> None:
    first, second = files(2)
    assert join({first: hashed(1), second: hashed(3)}, using="default") == {first: first, second: first}


@pytest.mark.django_db(transaction=True)
def test_near_duplicates_that_come_at_once_get_one_cluster() -> None:
    pks, ready = files(24), Barrier(4)

    def come(own: list[int]) -> None:
        ready.wait()
        for pk in own:
            join({pk: hashed(1 << pk % 10)}, using="default")
        connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(come, [pks[start::4] for start in range(4)]))
    assert Fingerprint.objects.count() == 24
    assert len(set(Fingerprint.objects.values_list("cluster_id", flat=True))) == 1


Prescreen = Callable[..., dict[str, Any]]


def test_the_pre_screen_notes_clusters_with_its_screenings(red_policy: PolicyVersion, prescreen: Prescreen) -> None:
    original, copy, other = (
        make_upload(content=content) for content in (photo("cat.jpg"), changed("cat.jpg"), photo("coffee.jpg"))
    )
    prescreen()
    by_upload = dict(Screening.objects.values_list("upload_id", "duplicate_cluster"))
    assert by_upload[original.pk] == by_upload[copy.pk] == original.file_id
    assert by_upload[other.pk] == other.file_id


def test_a_dry_run_notes_no_fingerprint(red_policy: PolicyVersion, prescreen: Prescreen) -> None:
    make_upload(content=photo("cat.jpg"))
    prescreen("--dry-run")
    assert not Fingerprint.objects.exists()


def test_several_processes_open_one_task_for_a_cluster(red_policy: PolicyVersion, prescreen: Prescreen) -> None:
    put_in_force(red_policy.copy_as_draft(by=None, low=0.0, high=1.0), by=None, why="Every picture is asked about.")
    for quality in range(30, 90, 3):
        make_upload(content=changed("cat.jpg", quality=quality))
    make_upload(content=photo("coffee.jpg"))
    prescreen("--processes", "3")
    assert ReviewTask.objects.undecided().count() == 21
    assert ReviewTask.objects.reviewable().count() == 2
    assert verify().clean
