"""Quantize a classifier: make an ONNX file that computes in eight bits, for processors without a GPU."""

import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import onnx
from onnx import version_converter
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static

from moderation.inference.manifest import Manifest
from moderation.inference.tensors import UInt8Array, to_tensor

Method = Literal["static", "dynamic"]

#: The first opset that has one scale for each channel.
_LEAST_OPSET = 13
#: Weights have seven bits. With eight, sums overflow on processors without VNNI, where the same file then gives other
#: scores. Measured on such a processor with open_nsfw: a mean drift of 0.037 with eight bits, 0.011 with seven.
_SEVEN_BIT_WEIGHTS = True


class WrongMethod(ValueError):
    """The method would make this network slower; the message names the method that fits."""


def fitting_method(model: bytes) -> Method:
    """Return "static" for convolutional networks, "dynamic" for transformers.

    A transformer's activations vary too much from image to image for ranges that are fixed beforehand.
    """
    kinds = Counter(node.op_type for node in onnx.load_model_from_string(model).graph.node)
    return "static" if kinds["Conv"] > kinds["MatMul"] else "dynamic"


def quantize(model: bytes, *, manifest: Manifest, method: Method, views: UInt8Array, folder: Path) -> bytes:
    """Return the quantized ONNX file: unsigned activations, signed weights with one scale for each channel.

    Args:
        model: bytes of the ONNX file.
        manifest: its manifest.
        method: usually the result of ``fitting_method``.
        views: uint8 (N, height, width, 3); static ranges are computed from them.
        folder: an empty folder for temporary files.

    Raises:
        WrongMethod: dynamic for a convolutional network (measured: seven times slower).
    """
    if method == "dynamic" and fitting_method(model) == "static":
        raise WrongMethod(
            "dynamic quantization makes a convolutional network about seven times slower, not faster; "
            "accepted is static"
        )
    source, target = folder / "whole.onnx", folder / "quantized.onnx"
    source.write_bytes(_raised(model))
    # onnxruntime logs a recommendation to fuse nodes first, which the session does anyway.
    logging.getLogger().addFilter(_reject)
    try:
        if method == "static":
            quantize_static(
                source, target, _ViewReader(views, manifest=manifest), quant_format=QuantFormat.QDQ, per_channel=True,
                activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, reduce_range=_SEVEN_BIT_WEIGHTS,
            )  # fmt: skip
        else:
            quantize_dynamic(
                source, target, op_types_to_quantize=["MatMul"], per_channel=True, weight_type=QuantType.QInt8,
                reduce_range=_SEVEN_BIT_WEIGHTS,
            )  # fmt: skip
    finally:
        logging.getLogger().removeFilter(_reject)
    return target.read_bytes()


def _reject(_: logging.LogRecord) -> bool:
    return False


def _raised(model: bytes) -> bytes:
    """Return the same graph in an opset that has scales by channel."""
    parsed = onnx.load_model_from_string(model)
    opset = next(each.version for each in parsed.opset_import if not each.domain)
    if opset < _LEAST_OPSET:
        parsed = version_converter.convert_version(parsed, _LEAST_OPSET)
    return bytes(onnx.shape_inference.infer_shapes(parsed).SerializeToString())


class _ViewReader(CalibrationDataReader):  # type: ignore[misc]
    """Yields one view at a time as the network's input."""

    def __init__(self, views: UInt8Array, *, manifest: Manifest) -> None:
        self._left: Iterator[UInt8Array] = iter(views)
        self._manifest = manifest

    def get_next(self) -> dict[str, Any] | None:
        view = next(self._left, None)
        if view is None:
            return None
        return {self._manifest.input: to_tensor(view[None], manifest=self._manifest)}
