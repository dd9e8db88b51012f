"""Read the declared input and outputs of an ONNX file, and check that the engine can use them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto

from moderation.classifiers.conversion.publisher_facts import FormNotAccepted

#: An axis: its length, or None where it is free.
Axes = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class OnnxFile:
    """The bytes of one self-contained file with one image input. Axes are those of the declared shapes."""

    path: Path
    model: bytes
    input: str
    input_axes: Axes
    outputs: dict[str, Axes]

    def output(self, name: str = "") -> tuple[str, Axes]:
        """Return the output called ``name``; without a name, the only output or the one called "logits".

        Raises:
            FormNotAccepted: there is no such output.
        """
        name = name or (next(iter(self.outputs)) if len(self.outputs) == 1 else "logits")
        if name not in self.outputs:
            raise FormNotAccepted(
                f"output of {self.path}", found=", ".join(self.outputs), accepted=f"one output, or one called {name}"
            )
        return name, self.outputs[name]

    def check_size(self, size: Sequence[int], *, layout: str) -> None:
        """Raise FormNotAccepted where the input's declared size differs from (width, height) after preprocessing."""
        colours, height, width = (self.input_axes[axis] for axis in ((1, 2, 3) if layout == "NCHW" else (3, 1, 2)))
        if colours not in (None, 3):
            found = f"{colours} colours in layout {layout}"
            raise FormNotAccepted(f"input {self.input} of {self.path}", found=found, accepted="3")
        if width not in (None, size[0]) or height not in (None, size[1]):
            found, accepted = f"{width} x {height}", f"{size[0]} x {size[1]}, the size after its preprocessing"
            raise FormNotAccepted(f"input {self.input} of {self.path}", found=found, accepted=accepted)


def read_onnx(path: Path) -> OnnxFile:
    """Read a file and check that the engine can use it.

    Raises:
        FormNotAccepted: not an ONNX file, weights in other files, several inputs, a fixed batch, or an input other
            than float32 (N, C, H, W) or (N, H, W, C).
    """
    model = _bytes(path)
    graph = _parsed(path, model).graph
    weights = {each.name for each in graph.initializer}
    inputs = [each for each in graph.input if each.name not in weights]
    if len(inputs) != 1:
        raise FormNotAccepted(f"inputs of {path}", found=[each.name for each in inputs], accepted="one, for images")
    _check_input(path, inputs[0])
    return OnnxFile(path, model, inputs[0].name, _axes(inputs[0]), {each.name: _axes(each) for each in graph.output})


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise FormNotAccepted(str(path), found=error.strerror, accepted="an ONNX file that can be read") from error


def _parsed(path: Path, model: bytes) -> onnx.ModelProto:
    try:
        parsed = onnx.load_model_from_string(model)
    except DecodeError as error:
        raise FormNotAccepted(str(path), found=str(error), accepted="an ONNX file of at most 2 GB") from error
    if not parsed.graph.node:
        raise FormNotAccepted(str(path), found="no nodes", accepted="an ONNX file")
    if any(each.data_location == TensorProto.EXTERNAL for each in parsed.graph.initializer):
        raise FormNotAccepted(
            str(path), found="weights in files beside it", accepted="a single file: export it without external data"
        )
    return parsed


def _check_input(path: Path, value: onnx.ValueInfoProto) -> None:
    kind, axes = value.type.tensor_type.elem_type, _axes(value)
    if kind != TensorProto.FLOAT:
        found = TensorProto.DataType.Name(kind)
        raise FormNotAccepted(f"input {value.name} of {path}", found=found, accepted="FLOAT (32 bits)")
    if len(axes) != 4:
        raise FormNotAccepted(
            f"input {value.name} of {path}", found=f"shape {axes}", accepted="(N, 3, H, W) or (N, H, W, 3)"
        )
    if axes[0] is not None:
        raise FormNotAccepted(
            f"batch of {path}", found=f"fixed at {axes[0]}", accepted="a dynamic batch axis: export it with one"
        )


def _axes(value: onnx.ValueInfoProto) -> Axes:
    return tuple(axis.dim_value or None for axis in value.type.tensor_type.shape.dim)
