"""A classifier is verified against its manifest before it scores anything."""

import base64
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from moderation.inference.classifier import ClassifierFileError, ClassifierSession, GoldenMismatch, ModelOutputError
from moderation.inference.manifest import Manifest
from moderation.inference.providers import PROVIDERS, ProviderMissing, check_started
from moderation.inference.scorer import Scored, Scorer
from moderation.inference.tensors import to_probabilities, to_tensor
from tests.moderation.decoding.pictures import plain, write
from tests.moderation.inference.tiny_onnx import write_colour_classifier, write_red_classifier


def changed(manifest: Manifest, **changes: Any) -> Manifest:
    return Manifest.from_json({**json.loads(manifest.to_json()), **changes})


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_the_score_is_the_mean_of_red(layout: str, folder: Path) -> None:
    manifest, path = write_red_classifier(folder, layout=layout)
    views = np.zeros((7, 16, 16, 3), dtype=np.uint8)
    views[..., 0] = np.arange(0, 70, 10)[:, np.newaxis, np.newaxis]
    found = ClassifierSession.load(path, manifest).predict(views)
    assert found.dtype == np.float32
    assert found[:, 1] * 255 == pytest.approx(range(0, 70, 10), abs=0.001)


def test_no_views_give_no_scores(red: ClassifierSession) -> None:
    assert red.predict(np.zeros((0, 16, 16, 3), dtype=np.uint8)).shape == (0, 2)


def test_the_runtime_is_named(red: ClassifierSession) -> None:
    assert red.runtime.startswith("onnxruntime 1.")
    assert red.runtime.endswith(" CPUExecutionProvider")


@pytest.mark.parametrize("bit", [0, 3, 7])
def test_one_flipped_bit_is_refused(bit: int, folder: Path) -> None:
    manifest, path = write_red_classifier(folder)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1 << bit
    path.write_bytes(content)
    with pytest.raises(ClassifierFileError, match=f"red.onnx has sha256 .* expects {manifest.sha256}"):
        ClassifierSession.load(path, manifest)


def test_a_missing_file_is_named(folder: Path) -> None:
    manifest, path = write_red_classifier(folder)
    path.unlink()
    with pytest.raises(ClassifierFileError, match=r"red\.onnx cannot be read: No such file"):
        ClassifierSession.load(path, manifest)


def test_bytes_that_are_not_a_graph_are_refused(folder: Path) -> None:
    manifest, path = write_red_classifier(folder)
    path.write_bytes(b"no graph at all")
    other = changed(manifest, sha256=hashlib.sha256(b"no graph at all").hexdigest())
    with pytest.raises(ClassifierFileError, match="not a graph that can be loaded"):
        ClassifierSession.load(path, other)


@pytest.mark.parametrize(("field", "known"), [("input", "pixels"), ("output", "labels")])
def test_names_that_the_graph_does_not_have(field: str, known: str, folder: Path) -> None:
    manifest, path = write_red_classifier(folder, **{field: "x"})
    with pytest.raises(ClassifierFileError, match=f"no {field} 'x'; it has {known}"):
        ClassifierSession.load(path, manifest)


def test_a_provider_that_is_not_installed(folder: Path) -> None:
    manifest, path = write_red_classifier(folder)
    missing = next(name for name in PROVIDERS if PROVIDERS[name] not in onnxruntime.get_available_providers())
    with pytest.raises(ProviderMissing, match=rf"'{missing}' is not installed: onnxruntime .* has cpu.*EXECUTION_PR"):
        ClassifierSession.load(path, manifest, provider=missing)


def test_a_provider_that_falls_back_is_refused(red: ClassifierSession) -> None:
    with pytest.raises(ProviderMissing, match=r"'cuda' is installed but did not start.* with CPUExecutionProvider"):
        check_started(red._session, provider="cuda")


@pytest.mark.parametrize(
    "change",
    [
        {"labels": ["red", "other"]},
        {"colour_order": "BGR"},
        {"scale": 1 / 128},
        {"mean": [0.5, 0.5, 0.5]},
        {"output_kind": "logits"},
        {"output_kind": "sigmoid"},
    ],
    ids="-".join,
)
def test_mistakes_that_silently_ruin_scores_are_noticed(change: dict[str, Any], folder: Path) -> None:
    manifest, path = write_red_classifier(folder)
    with pytest.raises(GoldenMismatch, match="golden input 0 "):
        ClassifierSession.load(path, changed(manifest, **change))


def test_a_wrong_golden_output_says_which(folder: Path) -> None:
    manifest, path = write_red_classifier(folder)
    golden = list(manifest.golden)
    golden[1] = golden[1].model_copy(update={"expected": {"other": 0.1, "red": 0.9}, "positive": 0.9})
    with pytest.raises(
        GoldenMismatch, match=r"red \(red.onnx\): golden input 1 gives 0.8000.* 'other'; expected is 0.1"
    ):
        ClassifierSession.load(path, manifest.model_copy(update={"golden": tuple(golden)}))


def test_an_output_with_too_few_labels(folder: Path) -> None:
    manifest, path = write_red_classifier(folder)
    labels = ("other", "red", "blue")
    golden = tuple(each.model_copy(update={"expected": {**each.expected, "blue": 0.0}}) for each in manifest.golden)
    with pytest.raises(GoldenMismatch, match=r"shape \(1, 2\); its labels need \(1, 3\)"):
        ClassifierSession.load(path, manifest.model_copy(update={"labels": labels, "golden": golden}))


def test_views_of_another_size_are_refused(red: ClassifierSession) -> None:
    with pytest.raises(ModelOutputError, match=r"red: .*INVALID_ARGUMENT"):
        red.predict(np.zeros((1, 20, 16, 3), dtype=np.uint8))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_outputs_that_are_not_finite(value: float, red: ClassifierSession) -> None:
    with pytest.raises(ModelOutputError, match="not finite"):
        to_probabilities(np.array([[0.5, value]], dtype=np.float32), count=1, manifest=red.manifest)


@pytest.mark.parametrize(("kind", "expected"), [("logits", [0.2689414, 0.7310586]), ("sigmoid", [0.5, 0.7310586])])
def test_logits_become_probabilities(kind: Any, expected: list[float], red: ClassifierSession) -> None:
    manifest = red.manifest.model_copy(update={"output_kind": kind})
    found = to_probabilities(np.array([[0, 1]], dtype=np.float32), count=1, manifest=manifest)
    assert found[0] == pytest.approx(expected)
    extreme = to_probabilities(np.array([[-1e4, 1e4]], dtype=np.float32), count=1, manifest=manifest)
    assert extreme[0] == pytest.approx([0, 1])


def test_the_tensor_follows_the_manifest(red: ClassifierSession) -> None:
    views = np.array([[[[10, 20, 30]]]], dtype=np.uint8)
    change = {"colour_order": "BGR", "layout": "NCHW", "scale": 2.0, "mean": (1.0, 2.0, 3.0), "std": (1.0, 2.0, 4.0)}
    manifest = red.manifest.model_copy(update=change)
    assert to_tensor(views, manifest=manifest).tolist() == [[[[59.0]], [[19.0]], [[4.25]]]]


def test_several_classifiers_and_labels_over_one_decode(red: ClassifierSession, folder: Path) -> None:
    weights = ((0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (1.0, 0.0, 0.0))
    manifest, path = write_colour_classifier(
        folder, labels=("blue", "crimson", "green"), positive="green", weights=weights, bias=(0.0, 0.0, 0.0)
    )
    with Scorer([red, ClassifierSession.load(path, manifest)]) as scorer:
        (outcome,) = scorer.score([write(folder / "a.png", plain((51, 102, 153)))])
    assert isinstance(outcome, Scored)
    values = {label: score.value for label, score in outcome.scores[manifest.key].items()}
    assert values == pytest.approx({"blue": 0.6, "crimson": 0.2, "green": 0.4}, abs=1e-5)
    assert outcome.scores[red.manifest.key]["red"].value == pytest.approx(0.2, abs=1e-5)


def test_a_golden_image_in_another_format_is_refused(folder: Path) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16)).save(buffer, "GIF")
    manifest, path = write_red_classifier(folder)
    golden = manifest.golden[0].model_copy(update={"image": buffer.getvalue()})
    with pytest.raises(ClassifierFileError, match=r"golden input 0 .* PNG or JPEG"):
        ClassifierSession.load(path, manifest.model_copy(update={"golden": (golden,)}))


def test_a_golden_image_is_written_as_base64(red: ClassifierSession) -> None:
    written = json.loads(red.manifest.to_json())["golden"][0]["image"]
    assert base64.b64decode(written).startswith(b"\x89PNG")
