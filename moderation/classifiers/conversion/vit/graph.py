"""Build an ONNX file with a dynamic batch from a vision transformer's tensors, without the training framework."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from moderation.classifiers.conversion.vit.architecture import VisionTransformer

INPUT, OUTPUT = "pixel_values", "logits"

#: The first opset with LayerNormalization. Runtimes since 2022 read it.
_OPSET, _IR_VERSION = 17, 8
#: timm's value for these networks; torch's own default is 1e-5.
_EPSILON = 1e-6

Array = NDArray[np.float32]


def build(network: VisionTransformer, *, tensors: Mapping[str, Array]) -> bytes:
    """Return the ONNX file: input (N, 3, side, side) float32, output logits (N, classes).

    Args:
        network: the network's sizes.
        tensors: float32, with the names and shapes of ``network.tensors()``.
    """
    graph = _Graph(network, tensors)
    graph.run()
    inputs = [_value(INPUT, ["batch", 3, network.side, network.side])]
    outputs = [_value(OUTPUT, ["batch", network.classes])]
    body = helper.make_graph(graph.nodes, "vision_transformer", inputs, outputs, initializer=graph.constants)
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", _OPSET)], producer_name="second-look")
    model.ir_version = _IR_VERSION
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


def _value(name: str, shape: Sequence[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


class _Graph:
    """Collects nodes and constants. Every method takes and returns the name of a value."""

    def __init__(self, network: VisionTransformer, tensors: Mapping[str, Array]) -> None:
        self.network = network
        self.tensors = tensors
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._known: set[str] = set()

    def run(self) -> None:
        tokens = self._embedded()
        for index in range(self.network.depth):
            tokens = self._block(tokens, name=f"blocks.{index}")
        pooled = self._normalised(self._pooled(tokens), name=self.network.last_norm)
        weight, bias = (self._constant(f"head.{part}", self.tensors[f"head.{part}"]) for part in ("weight", "bias"))
        self.nodes.append(helper.make_node("Gemm", [pooled, weight, bias], [OUTPUT], name="head", transB=1))

    def _embedded(self) -> str:
        """Turn patches into tokens (N, tokens, width), the class token first."""
        net, name = self.network, "patch_embed.proj"
        wires = [INPUT, *(self._constant(f"{name}.{part}", self.tensors[f"{name}.{part}"]) for part in _PARTS)]
        patches = self._node("Conv", wires, strides=[net.patch] * 2, kernel_shape=[net.patch] * 2)
        patches = self._reshaped(patches, [0, net.width, -1])
        patches = self._node("Transpose", [patches], perm=[0, 2, 1])
        # Pad a row of zeros at the class token's place. The token itself is added together with its position, so
        # that no node needs the batch's size.
        room = self._constant("room_for_class_token", np.array([0, 1, 0, 0, 0, 0]))
        positions = self.tensors["pos_embed"].copy()
        positions[:, 0] += self.tensors["cls_token"][:, 0]
        return self._node("Add", [self._node("Pad", [patches, room]), self._constant("pos_embed", positions)])

    def _block(self, tokens: str, *, name: str) -> str:
        attended = self._attended(self._normalised(tokens, name=f"{name}.norm1"), name=f"{name}.attn")
        tokens = self._node("Add", [tokens, attended])
        wide = self._linear(self._normalised(tokens, name=f"{name}.norm2"), name=f"{name}.mlp.fc1")
        narrow = self._linear(self._gelu(wide), name=f"{name}.mlp.fc2")
        return self._node("Add", [tokens, narrow])

    def _attended(self, tokens: str, *, name: str) -> str:
        qkv = self._linear(tokens, name=f"{name}.qkv")
        thirds = self._constant("thirds", np.array([self.network.width] * 3))
        parts = [f"{name}.{part}" for part in ("q", "k", "v")]
        self.nodes.append(helper.make_node("Split", [qkv, thirds], parts, name=f"{name}.split", axis=-1))
        query, key, value = (self._heads(part, last=order) for part, order in zip(parts, _HEAD_ORDERS, strict=True))
        scale = self._constant("scale", np.array((self.network.width // self.network.heads) ** -0.5, np.float32))
        weights = self._node("MatMul", [self._node("Mul", [query, scale]), key])
        mixed = self._node("MatMul", [self._node("Softmax", [weights], axis=-1), value])
        together = self._reshaped(self._node("Transpose", [mixed], perm=[0, 2, 1, 3]), [0, 0, self.network.width])
        return self._linear(together, name=f"{name}.proj")

    def _heads(self, value: str, *, last: Sequence[int]) -> str:
        """Split (N, tokens, width) into (N, heads, ...) with the axes 1 (tokens) and 3 (head's width) in order."""
        net = self.network
        split = self._reshaped(value, [0, 0, net.heads, net.width // net.heads])
        return self._node("Transpose", [split], perm=[0, 2, *last])

    def _pooled(self, tokens: str) -> str:
        if self.network.pool == "token":
            return self._node("Gather", [tokens, self._constant("class_token", np.array(0))], axis=1)
        ends = [self._constant(name, np.array([end])) for name, end in (("one", 1), ("end", self.network.tokens))]
        patches = self._node("Slice", [tokens, *ends, self._constant("one", np.array([1]))])
        return self._node("ReduceMean", [patches], axes=[1], keepdims=0)

    def _normalised(self, value: str, *, name: str) -> str:
        wires = [value, *(self._constant(f"{name}.{part}", self.tensors[f"{name}.{part}"]) for part in _PARTS)]
        return self._node("LayerNormalization", wires, axis=-1, epsilon=_EPSILON)

    def _linear(self, value: str, *, name: str) -> str:
        """Add a linear layer over the last axis. The weight is transposed here, not at every call."""
        weight = self._constant(f"{name}.weight", np.ascontiguousarray(self.tensors[f"{name}.weight"].T))
        bias = self._constant(f"{name}.bias", self.tensors[f"{name}.bias"])
        return self._node("Add", [self._node("MatMul", [value, weight]), bias])

    def _gelu(self, value: str) -> str:
        """Add the exact GELU, x (1 + erf(x / sqrt 2)) / 2; the runtime recognises this pattern and fuses it."""
        root, one, half = (
            self._constant(name, np.array(number, np.float32))
            for name, number in (("root_of_two", 2**0.5), ("unit", 1.0), ("half", 0.5))
        )
        erf = self._node("Erf", [self._node("Div", [value, root])])
        return self._node("Mul", [self._node("Mul", [value, self._node("Add", [erf, one])]), half])

    def _reshaped(self, value: str, shape: Sequence[int]) -> str:
        """Reshape: 0 keeps an axis, -1 takes the remaining size."""
        name = "shape_" + "_".join(map(str, shape))
        return self._node("Reshape", [value, self._constant(name, np.array(shape))])

    def _constant(self, name: str, value: NDArray[Any]) -> str:
        if name not in self._known:
            self._known.add(name)
            self.constants.append(numpy_helper.from_array(value, name))
        return name

    def _node(self, kind: str, inputs: Sequence[str], **attributes: Any) -> str:
        output = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output


_PARTS = ("weight", "bias")
#: Axis orders of query, key and value. The key is transposed, so that its product with the query is one MatMul.
_HEAD_ORDERS = ((1, 3), (3, 1), (1, 3))
