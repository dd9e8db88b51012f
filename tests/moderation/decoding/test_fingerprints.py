"""PDQ hashes have the bits of the authors' program, and scaled ones nearly the same bits after small changes."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from moderation.decoding.child.pdq import pdq_hash, scaled_pdq_hash
from moderation.decoding.fingerprints import (
    BITS,
    RADIUS,
    WORDS,
    HashedPicture,
    PdqHash,
    Reading,
    distance,
    keys,
    searches,
    variations,
)
from moderation.decoding.sandbox import DecodedFile, Sandbox
from moderation.decoding.views import Appearance
from tests.moderation.decoding.pictures import one_red_of, write_frames

DEMO = Path(__file__).resolve().parents[3] / "demo"
REFERENCE = json.loads(Path(__file__).with_name("pdq_reference.json").read_text())["hashes"]
WHOLE = {known["photo"]: known for known in REFERENCE if known["crop"] is None}
DETAILED = [name for name, known in WHOLE.items() if known["quality"] == 100]


def photo(name: str = "cat.jpg") -> Image.Image:
    with Image.open(DEMO / name) as image:
        return image.convert("RGB")


def recompressed(picture: Image.Image) -> Image.Image:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=30)
    return Image.open(out)


def resized(picture: Image.Image) -> Image.Image:
    return picture.resize((picture.width // 2, picture.height // 3))


def cropped(picture: Image.Image, size: tuple[int, int] | None) -> Image.Image:
    """Cut the picture around its centre; None keeps all of it."""
    if size is None:
        return picture
    left, top = (picture.width - size[0]) // 2, (picture.height - size[1]) // 2
    return picture.crop((left, top, left + size[0], top + size[1]))


def jpeg(picture: Image.Image, **options: Any) -> Image.Image:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=95, **options)
    return Image.open(out)


@pytest.mark.parametrize("known", REFERENCE, ids=lambda known: f"{known['photo']}-{known['crop']}")
def test_the_hash_is_that_of_the_authors_program_at_every_size(known: dict[str, Any]) -> None:
    found = pdq_hash(cropped(photo(known["photo"]), known["crop"]))
    assert distance(found.pdq, bytes.fromhex(known["pdq"])) <= 6  # luminance is rounded to whole numbers first
    assert abs(found.quality - known["quality"]) <= 2


@pytest.mark.parametrize("name", DETAILED)
def test_a_jpeg_that_was_decoded_at_a_fraction_of_its_size_keeps_its_hash(name: str) -> None:
    large = photo(name).resize((1500, 2003), Image.Resampling.BICUBIC)
    small = jpeg(large)
    small.draft("RGB", (448, 448))
    assert small.size == (750, 1002)
    assert distance(pdq_hash(small, full_size=large.size).pdq, pdq_hash(large).pdq) <= 10


@pytest.mark.parametrize("change", [recompressed, resized, ImageOps.autocontrast])
@pytest.mark.parametrize("name", DETAILED)
def test_small_changes_change_few_bits_of_a_scaled_hash(
    name: str, change: Callable[[Image.Image], Image.Image]
) -> None:
    assert distance(scaled_pdq_hash(photo(name)).pdq, scaled_pdq_hash(change(photo(name))).pdq) <= RADIUS


@pytest.mark.parametrize("hashed", [pdq_hash, scaled_pdq_hash])
@pytest.mark.parametrize("name", WHOLE)
def test_the_hash_of_a_mirror_image_is_known_beforehand(name: str, hashed: Callable[[Image.Image], PdqHash]) -> None:
    assert distance(hashed(ImageOps.mirror(photo(name))).pdq, hashed(photo(name)).mirrored) <= 6  # grey is rounded


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
    hashes = [bytes.fromhex(known["pdq"]) for known in WHOLE.values()]
    assert min(distance(one, other) for one in hashes for other in hashes if one != other) > 2 * RADIUS


@pytest.mark.parametrize("picture", [Image.new("RGB", (300, 200), "white"), Image.linear_gradient("L")])
def test_a_flat_picture_is_not_distinctive(picture: Image.Image) -> None:
    assert not pdq_hash(picture).is_distinctive


@pytest.mark.parametrize("size", [(1, 1), (4, 600), (5, 5), (64, 64), (5, 20_000), (20_000, 5), (513, 511)])
def test_a_picture_of_any_size_is_hashed(size: tuple[int, int]) -> None:
    for found in (pdq_hash(photo().resize(size)), scaled_pdq_hash(photo().resize(size))):
        assert len(found.pdq) == 32
        assert 0 <= found.quality <= 100


def decode(path: Path, sandbox: Sandbox) -> DecodedFile:
    (found,) = sandbox.decode([path])
    assert isinstance(found, DecodedFile)
    return found


def test_a_decode_also_hashes_the_picture(sandbox: Sandbox) -> None:
    found = decode(DEMO / "cat.jpg", sandbox)
    assert found.fingerprint == scaled_pdq_hash(photo())
    assert readings(found) == {Reading.UPRIGHT: pdq_hash(photo()), Reading.SCALED: scaled_pdq_hash(photo())}


def readings(found: DecodedFile) -> dict[Reading, PdqHash]:
    """The hashes of a file's first picture."""
    return {each.reading: each.hash for each in found.hashes if (each.frame, each.appearance) == (0, 0)}


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_turned_picture_is_hashed_as_it_is_stored_too(sandbox: Sandbox, folder: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo().save(folder / "a.png", exif=exif)
    assert readings(decode(folder / "a.png", sandbox))[Reading.STORED] == pdq_hash(photo())


def test_the_colours_below_transparent_pixels_are_hashed_too(sandbox: Sandbox, folder: Path) -> None:
    hidden = photo().convert("RGBA")
    hidden.putalpha(Image.linear_gradient("L").resize(hidden.size))
    hidden.save(folder / "a.png")
    assert readings(decode(folder / "a.png", sandbox))[Reading.STORED] == pdq_hash(photo())


def test_each_scored_frame_and_appearance_is_hashed(sandbox: Sandbox, folder: Path) -> None:
    found = decode(write_frames(folder / "a.gif", [photo("cat.jpg"), photo("coffee.jpg")]), sandbox)
    assert {(each.frame, each.appearance) for each in found.hashes} == {
        (each.frame, each.appearance) for each in found.inputs[0].pictures
    }
    assert len({each.frame for each in found.hashes}) == 2


def hashed(
    reading: Reading = Reading.UPRIGHT, *, frame: int = 0, quality: int = 100, appearance: int = 0
) -> HashedPicture:
    pdq = bytes([frame, appearance]) * 16
    return HashedPicture(frame=frame, appearance=appearance, reading=reading, hash=PdqHash(pdq, pdq, quality))


@pytest.mark.parametrize(
    ("hashes", "vouches"),
    [
        ([hashed()], [True]),
        ([hashed(), hashed(Reading.SCALED)], [True]),
        ([hashed(Reading.STORED)], [False]),
        ([hashed(Reading.STORED), hashed()], [True]),
        ([hashed(), hashed(frame=1)], [False, False]),
        ([hashed(), hashed(appearance=Appearance.PREVIEW)], [False, False]),
        ([hashed(), hashed(appearance=Appearance.AS_STORED)], [True, True]),
        ([hashed(quality=49)], []),
    ],
)
def test_only_a_single_visible_picture_vouches_for_its_file(hashes: list[HashedPicture], vouches: list[bool]) -> None:
    assert list(searches(hashes).values()) == vouches


def test_a_file_with_several_appearances_has_no_fingerprint(sandbox: Sandbox, folder: Path) -> None:
    """Otherwise a harmless first frame, or a harmless rendering on white, would stand for the others."""
    see_through = photo().convert("RGBA")
    see_through.putalpha(Image.linear_gradient("L").resize(see_through.size))
    see_through.save(folder / "a.png")
    assert decode(folder / "a.png", sandbox).fingerprint is None
    assert decode(write_frames(folder / "a.gif", one_red_of(6, at=4)), sandbox).fingerprint is None
