"""Eight-bit variants are registered as classifiers of their own, and score nearly as the original does."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from django.core.management import CommandError, call_command
from onnx import TensorProto, helper, numpy_helper

from moderation.classifiers.conversion.quantizing import WrongMethod, fitting_method, quantize
from moderation.classifiers.eight_bit import route_flips
from moderation.inference.embedded import open_nsfw
from moderation.models import Classifier
from tests.factories import image_bytes, version_in_force
from tests.moderation.classifiers.publishing import publish_hugging_face
from tests.moderation.inference.tiny_onnx import SIDE, write_red_classifier

pytestmark = pytest.mark.django_db


def write_small_cnn(folder: Path) -> Path:
    """Write a convolution that computes the mean of red in 4 x 4 patches, in an opset that is too old to quantize."""
    kernel = np.zeros((8, 3, 4, 4), np.float32)
    kernel[:, 0] = 1 / 16
    tensors = {"kernel": kernel, "head": np.repeat([[-1 / 8, 1 / 8]], 8, axis=0).astype("f4"), "bias": [1.0, 0.0]}
    nodes = [
        helper.make_node("Conv", ["pixels", "kernel"], ["patches"], strides=[4, 4]),
        helper.make_node("GlobalAveragePool", ["patches"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Gemm", ["flat", "head", "bias"], ["labels"]),
    ]
    graph = helper.make_graph(
        nodes,
        "red",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["N", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("labels", TensorProto.FLOAT, ["N", 2])],
        [numpy_helper.from_array(np.array(value, np.float32), name) for name, value in tensors.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=8)
    manifest, path = write_red_classifier(folder, layout="NCHW")
    path.write_bytes(model.SerializeToString())
    facts = json.loads(manifest.to_json())
    del facts["sha256"]
    path.with_suffix(".json").write_text(json.dumps(facts))
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Write images with reds from 0 to 1, some of them near the thresholds 0.2 and 0.8."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, red in enumerate((0, 25, 49, 50, 51, 52, 90, 128, 203, 204, 205, 230, 255)):
        (folder / f"{number:02}.png").write_bytes(image_bytes((red, 40, 200), size=(SIDE, SIDE)))
    (folder / "99.png").write_bytes(b"no picture")
    return folder


def run(*arguments: object) -> str:
    out = io.StringIO()
    call_command("classifiers", *map(str, arguments), stdout=out)
    return out.getvalue()


def quantized(source: str, *, pictures: Path, **options: Any) -> dict[str, Any]:
    extra = [word for name, value in options.items() for word in (f"--{name}", value)]
    found: dict[str, Any] = json.loads(
        run("quantize", source, "--calibrate", pictures, "--name", "small", "--json", *extra)
    )
    return found


def test_a_convolutional_network_becomes_static(tmp_path: Path, pictures: Path) -> None:
    run("import", write_small_cnn(tmp_path), "--name", "cnn")
    run("activate", "cnn", "--policy", "adult-content", "--low", 0.2, "--high", 0.8, "--why", "x")
    drift = quantized("cnn", pictures=pictures)
    assert (drift["method"], drift["images"]) == ("static", 13)
    assert 0 < drift["mean"] <= drift["largest"] < 0.05
    small, original = Classifier.objects.get(name="small"), Classifier.objects.get(name="cnn")
    assert small.provenance["quantized_from"] == original.sha256 != small.sha256
    assert small.preprocessing_version == original.preprocessing_version
    model = onnx.load(small.path)
    assert model.opset_import[0].version >= 13
    scales = [each for each in model.graph.initializer if each.name == "kernel_scale"]
    assert scales[0].dims == [8], "one scale for each channel"
    assert version_in_force().classifier == original, "nothing is replaced"
    (found,) = (json.loads(line) for line in run("score", "small", pictures / "07.png", "--json").splitlines())
    assert found["scores"]["red"] == pytest.approx(128 / 255, abs=0.03)


def test_a_route_changes_where_a_score_crosses_a_threshold_in_force() -> None:
    """open_nsfw is in force with low 0.2 and high 0.8; the largest move comes first."""
    moves = {"stays": (0.3, 0.7), "up": (0.19, 0.2), "far": (0.9, 0.1), "down": (0.8, 0.79), "top": (0.95, 0.8)}
    pairs = [(Path(name), {"nsfw": before}, {"nsfw": after}) for name, (before, after) in moves.items()]
    found = route_flips(pairs, sha256=open_nsfw()[0].sha256)
    assert [(flip.file, flip.routes) for flip in found] == [
        ("far", ("reject", "approve")),
        ("up", ("approve", "review")),
        ("down", ("reject", "review")),
    ]
    assert route_flips(pairs, sha256="0" * 64) == []


def test_a_transformer_becomes_dynamic(tmp_path: Path, pictures: Path) -> None:
    run("import", publish_hugging_face(tmp_path / "hf"), "--name", "vit")
    assert quantized("vit", pictures=pictures)["method"] == "dynamic"
    operators = {node.op_type for node in onnx.load(Classifier.objects.get(name="small").path).graph.node}
    assert "MatMulInteger" in operators
    assert "Conv" in operators, "only matrix products are quantized"


def test_dynamic_quantization_of_a_convolutional_network_is_refused(tmp_path: Path, pictures: Path) -> None:
    with pytest.raises(CommandError, match="about seven times slower, not faster; accepted is static"):
        quantized("open_nsfw", pictures=pictures, method="dynamic")
    manifest, path = open_nsfw()
    assert fitting_method(path.read_bytes()) == "static"
    with pytest.raises(WrongMethod):
        quantize(
            path.read_bytes(),
            manifest=manifest,
            method="dynamic",
            views=np.zeros((0, 1, 1, 3), np.uint8),
            folder=tmp_path,
        )
    assert Classifier.objects.count() == 1


def test_too_few_images(tmp_path: Path, pictures: Path) -> None:
    for path in sorted(pictures.iterdir())[4:]:
        path.unlink()
    with pytest.raises(
        CommandError, match=r"holds 4 images that can be read\. Nothing was registered\. Give at least 10"
    ):
        quantized("open_nsfw", pictures=pictures)
