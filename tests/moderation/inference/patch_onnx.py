"""A real, tiny classifier that reacts to a red patch, so that a test knows the right outcome.

The score is the greatest share of red in any block of 4 x 4 pixels of its 32 x 32 input, so a patch counts as long as
it is an eighth of the input. Green and blue count against red, so white is not a patch.
"""

import base64
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from moderation.inference.classifier import ClassifierSession
from moderation.inference.manifest import Manifest

SIDE, BLOCK = 32, 4
#: Manifest fields of a classifier that crops the centre of a picture.
CENTRE_CROP = {"resize": {"mode": "short_side", "size": [SIDE], "filter": "bilinear"}, "crop": [SIDE, SIDE]}


def write_patch_classifier(folder: Path, **changes: Any) -> tuple[Manifest, Path]:
    """Write ``patch.onnx`` and ``patch.json``; labels "plain" and "patch". ``changes`` replace manifest fields."""
    path = folder / "patch.onnx"
    path.write_bytes(patch_graph())
    facts = {
        "name": "patch", "file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "input": "pixels", "output": "labels", "layout": "NCHW", "colour_order": "RGB", "size": [SIDE, SIDE],
        "resize": {"mode": "exact", "size": [SIDE, SIDE], "filter": "bilinear"}, "crop": None,
        "jpeg_round_trip": False, "draft": True, "scale": 1 / 255, "mean": [0, 0, 0], "std": [1, 1, 1],
        "output_kind": "probabilities", "labels": ["plain", "patch"], "positive_label": "patch",
        "preprocessing_version": "patch-1", "licence": "Apache-2.0", "source": {"publisher": "the tests"},
        "golden": [_golden((255, 0, 0), 1.0), _golden((0, 0, 255), 0.0)], **changes,
    }  # fmt: skip
    path.with_suffix(".json").write_text(json.dumps(facts))
    return Manifest.from_json(facts), path


def _golden(colour: tuple[int, int, int], patch: float) -> dict[str, Any]:
    content = io.BytesIO()
    Image.new("RGB", (SIDE, SIDE), colour).save(content, "PNG")
    expected = {"plain": 1 - patch, "patch": patch}
    image = base64.b64encode(content.getvalue()).decode()
    return {"image": image, "expected": expected, "positive": patch, "tolerance": 0.01}


def patch_classifier(folder: Path, **changes: Any) -> ClassifierSession:
    manifest, path = write_patch_classifier(folder, **changes)
    return ClassifierSession.load(path, manifest)


def patch_graph() -> bytes:
    """red - green - blue, clipped to [0, 1]; mean over blocks; the greatest block."""
    weights = np.array([1, -1, -1], dtype=np.float32).reshape(1, 3, 1, 1)
    nodes = [
        helper.make_node("Conv", ["pixels", "weights"], ["redness"]),
        helper.make_node("Clip", ["redness", "zero", "one"], ["clipped"]),
        helper.make_node("AveragePool", ["clipped"], ["blocks"], kernel_shape=[BLOCK, BLOCK]),
        helper.make_node("GlobalMaxPool", ["blocks"], ["worst"]),
        helper.make_node("Flatten", ["worst"], ["patch"]),
        helper.make_node("Sub", ["one", "patch"], ["plain"]),
        helper.make_node("Concat", ["plain", "patch"], ["labels"], axis=1),
    ]
    constants = [
        numpy_helper.from_array(value, name)
        for name, value in (("weights", weights), ("zero", np.float32(0)), ("one", np.float32(1)))
    ]
    graph = helper.make_graph(
        nodes, "patch",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["N", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("labels", TensorProto.FLOAT, ["N", 2])], constants,
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()
