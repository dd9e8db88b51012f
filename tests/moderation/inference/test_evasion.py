"""Attempts at evasion and their outcome, as in the table of docs/evasion.md."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from moderation.decoding.plan import UntrustedReason, ViewPlan
from moderation.decoding.views import in_pixels
from moderation.inference.classifier import ClassifierSession
from moderation.inference.scorer import ClassifierScores, Scored, Scorer
from tests.moderation.decoding.attacks import ATTACKS, Attack, bad, exif_with_preview, ground, one_of_300
from tests.moderation.decoding.pictures import render, write, write_frames
from tests.moderation.inference.patch_onnx import CENTRE_CROP, patch_classifier


@pytest.fixture(scope="module")
def squeezing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scorer]:
    with Scorer([patch_classifier(tmp_path_factory.mktemp("patch"))], plan=ViewPlan()) as scorer:
        yield scorer


@pytest.fixture(scope="module")
def cropping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scorer]:
    with Scorer([patch_classifier(tmp_path_factory.mktemp("crop"), **CENTRE_CROP)], plan=ViewPlan()) as scorer:
        yield scorer


def found(scorer: Scorer, path: Path) -> ClassifierScores:
    (outcome,) = scorer.score([path])
    assert isinstance(outcome, Scored), outcome
    (scores,) = outcome.by_classifier.values()
    return scores


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack(attack: Attack, squeezing: Scorer, cropping: Scorer, folder: Path) -> None:
    scores = found(cropping if attack.cropped else squeezing, attack.make(folder))
    assert (scores.labels["patch"].value > 0.5) is attack.found
    assert (scores.untrusted or "") == attack.untrusted


def test_an_ordinary_picture_is_scored_once(squeezing: Scorer, folder: Path) -> None:
    for size in ((640, 480), (480, 640), (4000, 3000)):
        assert found(squeezing, write(folder / "a.jpg", ground(size))).views_scored == 1


def test_every_view_is_returned_with_its_place_the_worst_first(squeezing: Scorer, folder: Path) -> None:
    picture = ground((200, 800))
    picture.paste((255, 0, 0), (60, 700, 140, 780))
    first, *others = found(squeezing, write(folder / "a.png", picture)).labels["patch"].views
    assert first.box[3] == 1.0
    assert first.view == 5
    assert [view.value for view in others] == sorted((view.value for view in others), reverse=True)
    assert {view.view for view in others} == {0, 1, 2, 3, 4}


def test_views_are_limited_and_leaving_some_out_makes_the_score_untrusted(tmp_path: Path, folder: Path) -> None:
    path = write_frames(folder / "a.tiff", [ground((100, 800), seed=page) for page in range(9)])
    with Scorer([patch_classifier(tmp_path)], plan=ViewPlan(views=20)) as scorer:
        scores = found(scorer, path)
    assert scores.views_scored == 20
    assert scores.untrusted == UntrustedReason.NOT_ALL_SEEN


def test_an_animation_is_scored_once_for_each_scene(squeezing: Scorer, folder: Path) -> None:
    assert found(squeezing, one_of_300(folder)).views_scored == 2


@pytest.mark.parametrize("at", [0, 1, 77, 299])
def test_one_bad_frame_is_found_wherever_it_is(at: int, squeezing: Scorer, folder: Path) -> None:
    wide = ground((720, 60), seed=3)
    frames = [wide.crop((index * 2, 0, index * 2 + 80, 60)) for index in range(300)]
    frames[at] = bad((80, 60))
    worst = found(squeezing, write_frames(folder / "a.webp", frames, lossless=True)).labels["patch"]
    assert worst.frame == at
    assert worst.value > 0.9


def test_a_score_never_depends_on_the_other_classifiers(
    squeezing: Scorer, folder: Path, red: ClassifierSession
) -> None:
    path = write(folder / "a.jpg", bad((3000, 900)))
    with Scorer([red, *squeezing.classifiers], plan=ViewPlan()) as both:
        (outcome,) = both.score([path])
    assert isinstance(outcome, Scored)
    alone = found(squeezing, path)
    assert outcome.by_classifier[squeezing.classifiers[0].manifest.key].labels == alone.labels


def test_a_faithful_preview_costs_nothing(squeezing: Scorer, folder: Path) -> None:
    picture, small = ground((640, 400)), io.BytesIO()
    letterboxed = Image.new("RGB", (160, 120))
    letterboxed.paste(picture.resize((160, 100)), (0, 10))
    letterboxed.save(small, "JPEG")
    path = write(folder / "a.jpg", picture, exif=exif_with_preview(small.getvalue()))
    assert found(squeezing, path).views_scored == 1


@pytest.mark.parametrize("attack", [each for each in ATTACKS if each.found], ids=lambda attack: attack.name)
def test_the_rendition_and_the_outline_show_the_scored_part(
    attack: Attack, squeezing: Scorer, cropping: Scorer, folder: Path
) -> None:
    path = attack.make(folder)
    worst = found(cropping if attack.cropped else squeezing, path).labels["patch"].views[0]
    shown = render(squeezing.sandbox, path, frame=worst.frame, view=worst.view)
    with Image.open(io.BytesIO(shown.clear)) as rendition:
        outlined = rendition.crop(in_pixels(worst.box, rendition.size))
    assert found(squeezing, write(folder / "outlined.png", outlined)).labels["patch"].value > 0.5
