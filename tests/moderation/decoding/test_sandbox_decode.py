"""A decode gives every format and mode upright, in RGB, frame by frame."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from moderation.decoding.child.frame_selection import sampled_frames
from moderation.decoding.images import DecodeLimits, Header
from moderation.decoding.preprocessing import Preprocessing, Resize
from moderation.decoding.sandbox import DecodedFile, Sandbox
from moderation.decoding.views import Appearance
from moderation.inference.scorer import Scored, Scorer
from tests.moderation.decoding.pictures import (
    BLACK,
    FORMATS,
    RED,
    WHITE,
    one_red_of,
    plain,
    render,
    top_red,
    write,
    write_frames,
)

SMALL = Preprocessing("small", Resize("exact", (8, 8), "bilinear"), None, False, False)


def score(scorer: Scorer, path: Path) -> Scored:
    (outcome,) = scorer.score([path])
    assert isinstance(outcome, Scored), outcome
    return outcome


def red_score(scorer: Scorer, path: Path) -> float:
    (labels,) = score(scorer, path).scores.values()
    return labels["red"].value


def decode(path: Path, *preprocessings: Preprocessing, limits: DecodeLimits | None = None) -> DecodedFile:
    with Sandbox(limits=limits, preprocessings=preprocessings) as sandbox:
        (outcome,) = sandbox.decode([path])
    assert isinstance(outcome, DecodedFile), outcome
    return outcome


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_is_scored(suffix: str, scorer: Scorer, folder: Path) -> None:
    path = write(folder / f"a.{suffix}", plain((128, 0, 0)))
    assert red_score(scorer, path) == pytest.approx(128 / 255, abs=0.02)


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_header_is_read_without_decoding(suffix: str, sandbox: Sandbox, folder: Path) -> None:
    header = sandbox.probe(write(folder / f"a.{suffix}"))
    assert header == Header(FORMATS[suffix], 64, 48, 2 if suffix == "mpo" else 1)


@pytest.mark.parametrize(("mode", "greatest"), [("I", 100_000), ("F", 1.0)])
def test_values_without_a_range_are_stretched(mode: str, greatest: float, scorer: Scorer, folder: Path) -> None:
    image = Image.new(mode, (64, 48))
    image.paste(greatest, (0, 0, 64, 24))
    assert red_score(scorer, write(folder / "a.tiff", image)) == pytest.approx(0.5, abs=0.01)


def turned_file(path: Path, orientation: int) -> Path:
    """Write a file that is red above when it is turned by ``orientation``."""
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    stored = top_red() if orientation == 1 else top_red().transpose(undo[orientation])
    exif = Image.Exif()
    exif[274] = orientation
    return write(path, stored, exif=exif)


def is_upright(view: np.ndarray) -> bool:
    return bool(view[0, :, 0].min() > 200 and view[-1, :, 0].max() < 55)


@pytest.mark.parametrize("suffix", ["jpg", "png", "tiff", "avif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(suffix: str, orientation: int, sandbox: Sandbox, folder: Path) -> None:
    (outcome,) = sandbox.decode([turned_file(folder / f"a.{suffix}", orientation)])
    assert isinstance(outcome, DecodedFile)
    assert is_upright(outcome.views[0][0])


@pytest.mark.parametrize("orientation", range(2, 9))
def test_exif_orientation_of_webp_is_another_appearance(orientation: int, sandbox: Sandbox, folder: Path) -> None:
    """Browsers ignore it."""
    (outcome,) = sandbox.decode([turned_file(folder / "a.webp", orientation)])
    assert isinstance(outcome, DecodedFile)
    shown = {each.appearance: view for each, view in zip(outcome.inputs[0].pictures, outcome.views[0], strict=True)}
    # A mirrored half is the same half.
    assert set(shown) == {Appearance.PLAIN} | ({Appearance.TURNED_BY_EXIF} if orientation != 2 else set())
    assert is_upright(shown.get(Appearance.TURNED_BY_EXIF, shown[Appearance.PLAIN]))


def test_a_broken_exif_block_turns_nothing(scorer: Scorer, folder: Path) -> None:
    path = write(folder / "a.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert red_score(scorer, path) > 0.98


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "avif", "tiff"])
def test_the_worst_frame_counts_and_is_recorded(suffix: str, scorer: Scorer, folder: Path) -> None:
    path = write_frames(folder / f"a.{suffix}", one_red_of(6, at=4))
    (labels,) = score(scorer, path).scores.values()
    assert labels["red"].frame == 4
    assert labels["red"].value > 0.95
    assert labels["other"].frame != 4


def test_a_second_picture_hidden_in_a_jpeg_file_counts(scorer: Scorer, folder: Path) -> None:
    path = write_frames(folder / "a.mpo", [plain(BLACK), plain(RED)])
    assert red_score(scorer, path) > 0.95


@pytest.mark.parametrize("most", range(1, 20))
def test_sampled_frames_are_distinct_and_in_order(most: int) -> None:
    for count in range(1, 60):
        frames = sampled_frames(count, most=most)
        assert len(frames) == min(count, most)
        assert frames == sorted(set(frames))
        assert frames[0] == 0
        assert frames[-1] == (count - 1 if most > 1 else 0)


def test_several_preprocessings_share_a_call(folder: Path) -> None:
    wide = Preprocessing("wide", Resize("exact", (20, 10), "bicubic"), (12, 10), True, True)
    decoded = decode(write(folder / "a.png"), SMALL, wide)
    assert [view.shape for view in decoded.views] == [(1, 8, 8, 3), (1, 10, 12, 3)]
    assert all(view.dtype == np.uint8 for view in decoded.views)


@pytest.mark.parametrize("suffix", ["jpg", "mpo"])
def test_a_draft_decode_shows_the_same_picture(suffix: str, folder: Path) -> None:
    noise = Image.effect_noise((1600, 1200), 40).convert("RGB")
    path = write(folder / f"a.{suffix}", noise)
    draft = Preprocessing("draft", Resize("exact", (64, 64), "bilinear"), None, False, True)
    full = Preprocessing("full", Resize("exact", (64, 64), "bilinear"), None, False, False)
    decoded = decode(path, draft, full)
    quick, slow = (view.astype(float) for view in decoded.views)
    assert 0 < np.abs(quick - slow).mean() < 3  # different pixels of nearly the same picture


def test_a_draft_never_depends_on_the_other_classifiers(folder: Path) -> None:
    path = write(folder / "a.jpg", Image.effect_noise((1600, 1200), 40).convert("RGB"))
    large = Preprocessing("large", Resize("exact", (300, 300), "bilinear"), None, False, True)
    small = Preprocessing("small", Resize("exact", (40, 40), "bilinear"), None, False, True)
    together, alone = decode(path, large, small), decode(path, small)
    assert np.array_equal(together.views[1], alone.views[0])


def test_an_extreme_aspect_ratio_stays_cheap(folder: Path) -> None:
    short_side = Preprocessing("short", Resize("short_side", (64,), "bicubic"), (64, 64), False, False)
    (view,) = decode(write(folder / "a.png", plain(size=(60_000, 1))), short_side).views
    assert view.shape == (1, 64, 64, 3)
    assert view[..., 0].min() == 255


def test_the_short_side_keeps_the_aspect(folder: Path) -> None:
    image = Image.new("RGB", (300, 100), BLACK)
    image.paste(WHITE, (100, 0, 200, 100))
    short_side = Preprocessing("short", Resize("short_side", (50,), "lanczos"), (50, 50), False, False)
    (view,) = decode(write(folder / "a.png", image), short_side).views
    assert view[0, :, 3:-3].min() > 240  # the middle third fills the crop


def test_files_come_out_in_order(scorer: Scorer, folder: Path) -> None:
    paths = [write(folder / f"{value}.png", plain((value, 0, 0))) for value in range(0, 250, 10)]
    outcomes = list(scorer.score(paths))
    assert [outcome.path for outcome in outcomes] == paths
    found = [red_score(scorer, path) * 255 for path in paths]
    assert found == pytest.approx(range(0, 250, 10), abs=0.01)


def test_two_streams_and_a_render_do_not_disturb_each_other(scorer: Scorer, folder: Path) -> None:
    red, black = write(folder / "red.png"), write(folder / "black.png", plain(BLACK))
    pairs = zip(scorer.score([red] * 9), scorer.score([black] * 9), strict=True)
    for first, second in pairs:
        render(scorer.sandbox, black)
        assert (first.path, second.path) == (red, black)


def test_threads_share_a_sandbox(sandbox: Sandbox, folder: Path) -> None:
    paths = [write(folder / f"{width}.png", plain(size=(width, 10))) for width in range(1, 33)]
    with ThreadPoolExecutor(max_workers=4) as threads:
        widths = [header.width for header in threads.map(sandbox.probe, paths)]
    assert widths == list(range(1, 33))
