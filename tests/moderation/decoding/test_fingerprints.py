"""PDQ hashes have the same bits as the authors' program, and nearly the same bits after small changes."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from moderation.decoding.child.pdq import pdq_hash
from moderation.decoding.fingerprints import BITS, RADIUS, WORDS, distance, keys, variations
from moderation.decoding.sandbox import DecodedFile, Sandbox
from tests.moderation.decoding.pictures import one_red_of, write_frames

DEMO = Path(__file__).resolve().parents[3] / "demo"
REFERENCE = json.loads(Path(__file__).with_name("pdq_reference.json").read_text())["hashes"]


def photo(name: str = "cat.jpg") -> Image.Image:
    with Image.open(DEMO / name) as image:
        return image.convert("RGB")


def recompressed(picture: Image.Image) -> Image.Image:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=30)
    return Image.open(out)


def resized(picture: Image.Image) -> Image.Image:
    return picture.resize((picture.width // 2, picture.height // 3))


@pytest.mark.parametrize("name", REFERENCE)
def test_the_bits_are_those_of_the_authors_program(name: str) -> None:
    found = pdq_hash(photo(name).convert("L").resize((512, 512), Image.Resampling.BOX))
    assert (found.pdq.hex(), found.quality) == (REFERENCE[name]["pdq"], REFERENCE[name]["quality"])


@pytest.mark.parametrize("change", [recompressed, resized, ImageOps.autocontrast])
@pytest.mark.parametrize("name", [name for name, known in REFERENCE.items() if known["quality"] == 100])
def test_small_changes_change_few_bits(name: str, change: Callable[[Image.Image], Image.Image]) -> None:
    assert distance(pdq_hash(photo(name)).pdq, pdq_hash(change(photo(name))).pdq) <= RADIUS


@pytest.mark.parametrize("name", REFERENCE)
def test_the_hash_of_a_mirror_image_is_known_beforehand(name: str) -> None:
    assert distance(pdq_hash(ImageOps.mirror(photo(name))).pdq, pdq_hash(photo(name)).mirrored) <= 6  # grey is rounded


def flipped(pdq: bytes, bits: set[int]) -> bytes:
    return (int.from_bytes(pdq) ^ sum(1 << bit for bit in bits)).to_bytes(32)


def is_found(pdq: bytes, other: bytes) -> bool:
    asked = ({key ^ change for change in changes} for key, changes in zip(keys(other), variations(), strict=True))
    return any(key in wanted for key, wanted in zip(keys(pdq), asked, strict=True))


@given(st.binary(min_size=32, max_size=32), st.sets(st.integers(0, BITS - 1), max_size=RADIUS))
def test_every_hash_within_the_radius_is_found(pdq: bytes, bits: set[int]) -> None:
    assert is_found(pdq, flipped(pdq, bits))


def test_the_radius_is_the_largest_that_the_words_allow() -> None:
    two_in_each_word = {start + step for start in range(WORDS) for step in (0, WORDS)}
    assert len(two_in_each_word) == RADIUS + 1
    assert not is_found(bytes(32), flipped(bytes(32), {BITS - 1 - bit for bit in two_in_each_word}))


def test_different_pictures_differ_in_many_bits() -> None:
    hashes = [bytes.fromhex(known["pdq"]) for known in REFERENCE.values()]
    assert min(distance(one, other) for one in hashes for other in hashes if one != other) > 2 * RADIUS


@pytest.mark.parametrize("picture", [Image.new("RGB", (300, 200), "white"), Image.linear_gradient("L")])
def test_a_flat_picture_is_not_distinctive(picture: Image.Image) -> None:
    assert not pdq_hash(picture).is_distinctive


@pytest.mark.parametrize("size", [(1, 1), (4, 600), (5, 5), (64, 64), (5, 20_000), (20_000, 5), (513, 511)])
def test_a_picture_of_any_size_is_hashed(size: tuple[int, int]) -> None:
    found = pdq_hash(photo().resize(size))
    assert len(found.pdq) == 32
    assert 0 <= found.quality <= 100


def decode(path: Path, sandbox: Sandbox) -> DecodedFile:
    (found,) = sandbox.decode([path])
    assert isinstance(found, DecodedFile)
    return found


def test_a_decode_also_hashes_the_picture(sandbox: Sandbox) -> None:
    assert decode(DEMO / "cat.jpg", sandbox).fingerprint == pdq_hash(photo())


def test_a_file_with_several_appearances_has_no_fingerprint(sandbox: Sandbox, folder: Path) -> None:
    """Otherwise a harmless first frame, or a harmless rendering on white, would stand for the others."""
    see_through = photo().convert("RGBA")
    see_through.putalpha(Image.linear_gradient("L").resize(see_through.size))
    see_through.save(folder / "a.png")
    assert decode(folder / "a.png", sandbox).fingerprint is None
    assert decode(write_frames(folder / "a.gif", one_red_of(6, at=4)), sandbox).fingerprint is None
