"""Real, tiny classifiers for tests: a graph whose score is the mean of a colour, written without `onnx`.

``ReduceMean`` over the picture gives three colour means, and ``Gemm`` turns them into labels. A test chooses its
score by choosing a colour.
"""

import base64
import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from moderation.inference.manifest import Manifest

SIDE = 16
FLOAT, INTS = 1, 7

#: One row for each colour (red, green, blue) and one column for each label; and the bias of each label.
RED_WEIGHTS = ((-1.0, 1.0), (0.0, 0.0), (0.0, 0.0))
RED_BIAS = (1.0, 0.0)

GOLDEN_COLOURS = ((255, 0, 0), (51, 255, 0), (0, 0, 255))


def write_red_classifier(folder: Path, **changes: Any) -> tuple[Manifest, Path]:
    """Write a classifier whose score of label "red" is the mean of the red channel / 255."""
    return write_colour_classifier(
        folder, labels=("other", "red"), positive="red", weights=RED_WEIGHTS, bias=RED_BIAS, **changes
    )


def write_colour_classifier(
    folder: Path,
    *,
    labels: Sequence[str],
    positive: str,
    weights: Sequence[Sequence[float]],
    bias: Sequence[float],
    layout: str = "NHWC",
    **changes: Any,
) -> tuple[Manifest, Path]:
    """Write ``<positive>.onnx`` and ``<positive>.json``: labels = means of (red, green, blue) @ weights + bias.

    ``changes`` replace fields of the manifest, except golden inputs, which follow from the weights.
    """
    path = folder / f"{positive}.onnx"
    path.write_bytes(colour_graph(weights, bias, layout=layout))
    facts = {**_manifest(path, labels=labels, positive=positive, layout=layout), **changes}
    facts.setdefault("golden", [_golden(each, labels, positive, weights, bias) for each in GOLDEN_COLOURS])
    path.with_suffix(".json").write_text(json.dumps(facts))
    return Manifest.from_json(facts), path


def _manifest(path: Path, *, labels: Sequence[str], positive: str, layout: str) -> dict[str, Any]:
    return {
        "name": positive,
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "input": "pixels",
        "output": "labels",
        "layout": layout,
        "colour_order": "RGB",
        "size": [SIDE, SIDE],
        "resize": {"mode": "exact", "size": [SIDE, SIDE], "filter": "bilinear"},
        "crop": None,
        "jpeg_round_trip": False,
        "draft": False,
        "scale": 1 / 255,
        "mean": [0, 0, 0],
        "std": [1, 1, 1],
        "output_kind": "probabilities",
        "labels": list(labels),
        "positive_label": positive,
        "preprocessing_version": "tiny-1",
        "licence": "Apache-2.0",
        "source": {"publisher": "the tests"},
    }


def _golden(
    colour: tuple[int, int, int],
    labels: Sequence[str],
    positive: str,
    weights: Sequence[Sequence[float]],
    bias: Sequence[float],
) -> dict[str, Any]:
    values = (np.array(colour) / 255 @ np.array(weights) + np.array(bias)).tolist()
    expected = dict(zip(labels, values, strict=True))
    buffer = io.BytesIO()
    Image.new("RGB", (SIDE, SIDE), colour).save(buffer, "PNG")
    image = base64.b64encode(buffer.getvalue()).decode()
    return {"image": image, "expected": expected, "positive": expected[positive], "tolerance": 0.001}


def colour_graph(weights: Sequence[Sequence[float]], bias: Sequence[float], *, layout: str = "NHWC") -> bytes:
    """Bytes of the ONNX file: input "pixels" (N, 16, 16, 3) or (N, 3, 16, 16), output "labels" (N, labels)."""
    spatial, shape = ((1, 2), ("N", SIDE, SIDE, 3)) if layout == "NHWC" else ((2, 3), ("N", 3, SIDE, SIDE))
    graph = (
        _message(1, _node("ReduceMean", ["pixels"], "means", axes=spatial, keepdims=(0,)))
        + _message(1, _node("Gemm", ["means", "weights", "bias"], "labels"))
        + _message(2, b"colours")
        + _message(5, _tensor("weights", np.array(weights, dtype="<f4")))
        + _message(5, _tensor("bias", np.array(bias, dtype="<f4")))
        + _message(11, _value("pixels", shape))
        + _message(12, _value("labels", ("N", len(bias))))
    )
    return _number(1, 8) + _message(7, graph) + _message(8, _message(1, b"") + _number(2, 13))


def _node(kind: str, inputs: Sequence[str], output: str, **attributes: Sequence[int]) -> bytes:
    wires = b"".join(_message(1, name.encode()) for name in inputs) + _message(2, output.encode())
    named = b"".join(_message(5, _attribute(name, values)) for name, values in attributes.items())
    return wires + _message(4, kind.encode()) + named


def _attribute(name: str, values: Sequence[int]) -> bytes:
    if name == "keepdims":
        return _message(1, name.encode()) + _number(3, values[0]) + _number(20, 2)
    return _message(1, name.encode()) + b"".join(_number(8, value) for value in values) + _number(20, INTS)


def _tensor(name: str, values: Any) -> bytes:
    dims = b"".join(_number(1, size) for size in values.shape)
    return dims + _number(2, FLOAT) + _message(8, name.encode()) + _message(9, values.tobytes())


def _value(name: str, shape: Sequence[int | str]) -> bytes:
    dims = b"".join(
        _message(1, _message(2, size.encode()) if isinstance(size, str) else _number(1, size)) for size in shape
    )
    tensor = _number(1, FLOAT) + _message(2, dims)
    return _message(1, name.encode()) + _message(2, _message(1, tensor))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _message(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])
