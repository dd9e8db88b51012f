"""The demo's photos and the files made from them."""

import re
from collections import Counter
from hashlib import sha256
from pathlib import Path

import pi_heif
import pytest
from PIL import Image, ImageChops, ImageOps, ImageStat

from moderation.demo import NoPhotos, make_images

pi_heif.register_heif_opener()

DEMO = Path(__file__).parents[3] / "demo"
ALLOWED = {"JPEG", "PNG", "WEBP", "GIF", "AVIF", "HEIF", "BMP", "TIFF", "MPO"}
ORIENTATION = 0x0112
UNSOUND = {"unreadable", "too-large", "refused"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return make_images(DEMO, tmp_path_factory.mktemp("made"))


def sha256s(paths: list[Path]) -> list[str]:
    return [sha256(path.read_bytes()).hexdigest() for path in paths]


def sound(paths: list[Path]) -> list[Path]:
    return [path for path in paths if path.parent.name not in UNSOUND]


def in_folder(name: str, *, paths: list[Path]) -> list[Path]:
    return [path for path in paths if path.parent.name == name]


def file_format(path: Path) -> str | None:
    with Image.open(path) as image:
        return image.format


def decoded(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return ImageOps.exif_transpose(image)  # a loaded copy, also where nothing is to be turned


def frame_count(path: Path) -> int:
    with Image.open(path) as image:
        return getattr(image, "n_frames", 1)


def test_two_hundred_files_with_different_names_are_written(made: list[Path]) -> None:
    assert len(set(made)) == 200
    assert all(path.is_file() for path in made)


def test_the_same_seed_gives_the_same_bytes(made: list[Path], tmp_path: Path) -> None:
    assert sha256s(make_images(DEMO, tmp_path)) == sha256s(made)


def test_another_seed_gives_other_variants(made: list[Path], tmp_path: Path) -> None:
    others = make_images(DEMO, tmp_path, seed=8)
    assert [path.name for path in others] == [path.name for path in made]
    assert sha256s(others) != sha256s(made)


@pytest.mark.parametrize("count", [0, 1, 20])
def test_the_requested_number_of_files_is_written(count: int, tmp_path: Path) -> None:
    assert len(make_images(DEMO, tmp_path, count=count)) == count


def test_every_allowed_format_is_included(made: list[Path]) -> None:
    assert {file_format(path) for path in sound(made)} == ALLOWED


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "CMYK", "P", "1", "I;16"])
def test_every_common_mode_is_included(mode: str, made: list[Path]) -> None:
    assert any(decoded(path).mode == mode for path in in_folder("format", paths=made) + in_folder("shape", paths=made))


def test_every_sound_file_decodes_and_is_at_most_1000_pixels_long(made: list[Path]) -> None:
    assert max(max(decoded(path).size) for path in sound(made)) <= 1000


def test_animations_have_several_frames(made: list[Path]) -> None:
    animated = in_folder("animation", paths=made)
    assert {file_format(path) for path in animated} == {"GIF", "WEBP", "PNG"}
    assert min(frame_count(path) for path in animated) >= 5


def test_unreadable_files_begin_like_images_and_do_not_decode(made: list[Path]) -> None:
    broken = in_folder("unreadable", paths=made)
    assert len(broken) == 5
    for path in broken:
        assert path.read_bytes().startswith((b"\xff\xd8\xff", b"\x89PNG", b"RIFF", b"GIF8", b"BM"))
        with pytest.raises(OSError):
            decoded(path)


def test_the_file_that_is_too_large_is_sound_and_above_50_million_pixels(made: list[Path]) -> None:
    [path] = in_folder("too-large", paths=made)
    with Image.open(path) as image:
        assert image.width * image.height > 50_000_000
        image.verify()


def test_refused_files_are_not_raster_images(made: list[Path]) -> None:
    refused = in_folder("refused", paths=made)
    assert [path.name for path in refused] == ["text-renamed.jpg", "drawing.svg", "empty.png"]
    for path in refused:
        with pytest.raises(OSError, match="cannot identify"):
            Image.open(path)


def test_exact_copies_share_their_photos_bytes_and_nothing_else_repeats(made: list[Path]) -> None:
    times = Counter(sha256s(made))
    repeated = [path for path in made if times[sha256s([path])[0]] > 1]
    copied = [path.stem for path in in_folder("exact-copy", paths=made)]
    assert len(copied) == 4
    assert sorted(path.stem for path in repeated) == sorted(copied + [name.removesuffix("-again") for name in copied])


def test_a_turned_photo_is_upright_as_its_exif_says(made: list[Path]) -> None:
    turned = in_folder("turned", paths=made)
    assert len({orientation(path) for path in turned}) >= 3
    for path in turned:
        photo = DEMO / f"{path.name.split('-turned')[0]}.jpg"
        assert difference(decoded(path), decoded(photo)) < 5


def orientation(path: Path) -> int:
    with Image.open(path) as image:
        return image.getexif()[ORIENTATION]


def difference(image: Image.Image, other: Image.Image) -> float:
    """Return the mean absolute difference of the gray values of two images of equal size, 0 to 255."""
    [mean] = ImageStat.Stat(ImageChops.difference(image.convert("L"), other.convert("L"))).mean
    return mean


def test_a_folder_without_photos_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoPhotos, match=re.escape(f"{tmp_path} has no .jpg file")):
        make_images(tmp_path, tmp_path / "made")


def test_the_licences_table_lists_every_photo_and_nothing_else() -> None:
    listed = re.findall(r"^\| (\S+\.jpg) \|", (DEMO / "LICENCES.md").read_text(), flags=re.MULTILINE)
    present = [path.name for path in DEMO.iterdir() if path.name != "LICENCES.md"]
    assert sorted(listed) == sorted(present)


def test_every_listed_photo_is_public_domain_or_cc0() -> None:
    rows = re.findall(r"^\| \S+\.jpg \|.*\|$", (DEMO / "LICENCES.md").read_text(), flags=re.MULTILINE)
    assert all(re.search(r"\| (public domain|CC0 1\.0)", row) for row in rows)


def test_the_photos_carry_no_metadata_and_are_small() -> None:
    photos = sorted(DEMO.glob("*.jpg"))
    assert 10 <= len(photos) <= 20
    assert sum(path.stat().st_size for path in photos) < 3_000_000
    assert not any(decoded(path).info.keys() & {"exif", "xmp", "photoshop", "icc_profile"} for path in photos)
