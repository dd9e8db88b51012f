"""Facts about an ONNX graph: its operators, its sizes, and the arithmetic for one image."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import onnx

from moderation.inference.manifest import Manifest

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphFacts:
    """Facts about one graph.

    Attributes:
        opsets: version by domain; "" is ONNX's own.
        operators: number of nodes of each type.
        batch: "dynamic", or the fixed number.
        input_size: (width, height) in pixels.
        file_bytes: size of the ONNX file.
        parameters: number of weights.
        gflop: floating-point operations for one image / 1e9, in convolutions and matrix products, which are nearly
            all of them. A multiplication and an addition count as two.
        uncounted: number of products whose shapes the graph does not state; they are missing in ``gflop``.
    """

    opsets: Mapping[str, int]
    operators: Mapping[str, int]
    batch: str
    input_size: Sequence[int]
    file_bytes: int
    parameters: int
    gflop: float
    uncounted: int


def inspect_graph(model: bytes, *, manifest: Manifest) -> GraphFacts:
    """Return the facts about the graph in an ONNX file."""
    parsed = onnx.load_model_from_string(model)
    batch = next(each for each in parsed.graph.input if each.name == manifest.input).type.tensor_type.shape.dim[0]
    counts = _products(parsed, manifest=manifest)
    return GraphFacts(
        opsets={each.domain: each.version for each in parsed.opset_import},
        operators=dict(Counter(node.op_type for node in parsed.graph.node).most_common()),
        batch=str(batch.dim_value) if batch.dim_value else "dynamic",
        input_size=list(manifest.size),
        file_bytes=len(model),
        parameters=sum(prod(each.dims) for each in parsed.graph.initializer) + _constant_numbers(parsed),
        gflop=sum(count for count in counts if count is not None) / 1e9,
        uncounted=counts.count(None),
    )


def _constant_numbers(model: onnx.ModelProto) -> int:
    values = [attribute.t for node in model.graph.node if node.op_type == "Constant" for attribute in node.attribute]
    return sum(prod(value.dims) for value in values if value.dims)


def _products(model: onnx.ModelProto, *, manifest: Manifest) -> list[int | None]:
    """Operations of every convolution and matrix product for one image; None where a shape is unknown."""
    shapes = _shapes(model, manifest=manifest)
    return [_COUNTERS[node.op_type](node, shapes) for node in model.graph.node if node.op_type in _COUNTERS]


def _shapes(model: onnx.ModelProto, *, manifest: Manifest) -> dict[str, Shape]:
    width, height = manifest.size
    sizes = (1, 3, height, width) if manifest.layout == "NCHW" else (1, height, width, 3)
    model = onnx.ModelProto.FromString(model.SerializeToString())  # a copy, because the sizes are written into it
    pixels = next(each for each in model.graph.input if each.name == manifest.input)
    for axis, size in zip(pixels.type.tensor_type.shape.dim, sizes, strict=True):
        axis.dim_value = size
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    known = {each.name: tuple(each.dims) for each in graph.initializer}
    for value in (*graph.value_info, *graph.input, *graph.output):
        axes = value.type.tensor_type.shape.dim
        if axes and all(axis.HasField("dim_value") for axis in axes):
            known[value.name] = tuple(axis.dim_value for axis in axes)
    return known


def _convolution(node: Any, shapes: Shapes) -> int | None:
    """Count a convolution: each output number is a sum over (input channels / groups) x kernel."""
    weight = node.input[3] if node.op_type == "QLinearConv" else node.input[1]
    if node.output[0] not in shapes or weight not in shapes:
        return None
    return 2 * prod(shapes[node.output[0]]) * prod(shapes[weight][1:])


def _matrix_product(node: Any, shapes: Shapes) -> int | None:
    """Count a matrix product: each output number is a sum over the first factor's last axis."""
    if node.output[0] not in shapes or node.input[0] not in shapes:
        return None
    return 2 * prod(shapes[node.output[0]]) * shapes[node.input[0]][-1]


_COUNTERS: dict[str, Callable[[Any, Shapes], int | None]] = {
    **dict.fromkeys(("Conv", "ConvInteger", "QLinearConv"), _convolution),
    **dict.fromkeys(("MatMul", "Gemm", "MatMulInteger", "QLinearMatMul"), _matrix_product),
}
