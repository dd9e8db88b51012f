"""Looking hashes up in the database: everything within the radius, nothing else."""

import random

import pytest

from moderation.decoding.fingerprints import BITS, RADIUS, distance
from moderation.decoding.fingerprints import PdqHash as Found
from moderation.models import Fingerprint, StoredFile

pytestmark = pytest.mark.django_db


def flipped(pdq: bytes, *, bits: int, seed: int) -> bytes:
    places = random.Random(seed).sample(range(BITS), bits)
    return (int.from_bytes(pdq) ^ sum(1 << place for place in places)).to_bytes(32)


def keep(hashes: list[bytes], *, quality: int = 100) -> list[int]:
    """Files of their own that stand for themselves."""
    files = StoredFile.objects.bulk_create(
        StoredFile(sha256=f"{number:064x}", size=1, format="PNG") for number in range(len(hashes))
    )
    rows = zip(files, hashes, strict=True)
    Fingerprint.objects.bulk_create(
        Fingerprint.of(file.pk, Found(pdq, pdq, quality), cluster_id=file.pk) for file, pdq in rows
    )
    return [file.pk for file in files]


def many(count: int) -> list[bytes]:
    chance = random.Random(3)
    return [chance.randbytes(32) for _ in range(count)]


def test_what_is_looked_up_is_what_a_walk_through_all_rows_finds() -> None:
    stored = many(60)
    stored += [flipped(pdq, bits=bits, seed=bits) for bits in range(RADIUS + 4) for pdq in stored[:8]]
    files = keep(stored)
    asked = [*many(60)[:8], *many(80)[60:]]
    expected = {
        (number, file)
        for number, pdq in enumerate(asked)
        for file, other in zip(files, stored, strict=True)
        if distance(pdq, other) <= RADIUS
    }
    found = Fingerprint.near(asked)
    assert {(each.query, each.pk) for each in found} == expected
    assert len(found) == len(expected) > 100


def test_a_hash_is_stored_to_the_bit() -> None:
    (file,) = keep([pdq := random.Random(1).randbytes(32)])
    assert Fingerprint.objects.get(file=file).pdq == pdq


def test_flat_pictures_are_never_found() -> None:
    keep([bytes(32)], quality=49)
    assert Fingerprint.near([bytes(32)]) == []


def test_only_what_stands_for_others_is_found() -> None:
    pdq = many(1)[0]
    first, second = keep([pdq, flipped(pdq, bits=2, seed=1)])
    Fingerprint.objects.filter(file=second).update(cluster=first)
    assert [each.pk for each in Fingerprint.near([pdq])] == [first]


def test_nothing_asked_is_nothing_found() -> None:
    assert Fingerprint.near([]) == []
