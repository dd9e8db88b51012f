"""One verified ONNX file and its session, which turns pixels into probabilities."""

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as runtime_errors
from PIL import Image

from moderation.decoding.preprocessing import prepare
from moderation.inference.manifest import ClassifierFileError, Golden, Manifest
from moderation.inference.providers import CPU, PROVIDERS, check_installed, check_started
from moderation.inference.tensors import (
    Float32Array,
    ModelOutputError,
    UInt8Array,
    to_probabilities,
    to_tensor,
)

__all__ = ["BATCH", "ClassifierFileError", "ClassifierSession", "GoldenMismatch", "ModelOutputError"]

#: Images computed together. Measured on one thread with a ResNet-50: 26.6 ms an image singly, 24.9 ms in batches of 4,
#: 24.7 ms in batches of 8.
BATCH = 4

#: onnxruntime has no common base class for the exceptions that it raises while it loads or runs a graph.
_RUNTIME_ERRORS = (
    runtime_errors.Fail, runtime_errors.InvalidArgument, runtime_errors.InvalidGraph,
    runtime_errors.InvalidProtobuf, runtime_errors.NoModel, runtime_errors.NotImplemented,
    runtime_errors.RuntimeException, runtime_errors.EPFail, runtime_errors.NoSuchFile,
)  # fmt: skip


class GoldenMismatch(ClassifierFileError):
    """The classifier does not give the outputs that its manifest expects of it."""


class ClassifierSession:
    """A classifier that was verified against its manifest. Only one thread may use it."""

    def __init__(self, session: Any, *, manifest: Manifest) -> None:
        """Use ``load`` instead, which verifies the file."""
        self._session = session
        self.manifest = manifest

    @classmethod
    def load(cls, path: Path, manifest: Manifest, *, provider: str = CPU) -> "ClassifierSession":
        """Load an ONNX file and check its sha256, its graph's names and its golden inputs.

        Raises:
            ClassifierFileError: the file is missing, changed, not a graph, or not the manifest's graph.
            ProviderMissing: ``provider``, a key of PROVIDERS, is not installed or does not start.
            GoldenMismatch: it gives other outputs than the manifest expects.
        """
        model = _verified_bytes(path, manifest=manifest)
        classifier = cls(_session(model, path=path, provider=provider), manifest=manifest)
        classifier._check_graph(path)
        classifier.check_golden()
        return classifier

    @classmethod
    def unverified(cls, model: bytes, *, manifest: Manifest) -> "ClassifierSession":
        """Load an ONNX file without checking golden outputs. Use it to compute these, never to score uploads.

        Raises:
            ClassifierFileError: the bytes are not a graph, or not the manifest's graph.
        """
        path = Path(manifest.file)
        classifier = cls(_session(model, path=path, provider=CPU), manifest=manifest)
        classifier._check_graph(path)
        return classifier

    @property
    def runtime(self) -> str:
        """The library, its version and the provider: part of the provenance of every score."""
        return f"onnxruntime {onnxruntime.__version__} {self._session.get_providers()[0]}"

    def predict(self, views: UInt8Array, *, batch: int = BATCH) -> Float32Array:
        """Return the probability of each label for each view.

        Args:
            views: uint8 of shape (N, height, width, 3), RGB, made by ``prepare``.
            batch: number of views computed together.

        Returns:
            float32 of shape (N, len(labels)), each value in [0, 1].

        Raises:
            ModelOutputError: the network's output does not match its manifest.
        """
        if not len(views):
            return np.empty((0, len(self.manifest.labels)), dtype=np.float32)
        return np.concatenate([self._predict_batch(part) for part in _batches(views, size=batch)])

    def check_golden(self) -> None:
        """Raise GoldenMismatch unless every golden input gives its expected output."""
        for index, golden in enumerate(self.manifest.golden):
            try:
                found = self.predict(golden_views(golden, manifest=self.manifest))[0]
            except ModelOutputError as error:
                raise GoldenMismatch(f"golden input {index} gives no usable output: {error}") from error
            by_label = dict(zip(self.manifest.labels, found.tolist(), strict=True))
            self._compare(by_label, index=index, golden=golden)

    def _compare(self, found: dict[str, float], *, index: int, golden: Golden) -> None:
        for label, expected in golden.expected.items():
            if abs(found[label] - expected) > golden.tolerance:
                raise GoldenMismatch(
                    f"{self.manifest.name} ({self.manifest.file}): golden input {index} gives "
                    f"{found[label]:.6f} for label {label!r}; expected is {expected:.6f} within "
                    f"{golden.tolerance:g}. Check labels, colour order, mean, scale, resize and crop"
                )

    def _predict_batch(self, views: UInt8Array) -> Float32Array:
        tensor = to_tensor(views, manifest=self.manifest)
        try:
            (output,) = self._session.run([self.manifest.output], {self.manifest.input: tensor})
        except _RUNTIME_ERRORS as error:
            raise ModelOutputError(f"{self.manifest.name}: {error}") from error
        return to_probabilities(output, count=len(views), manifest=self.manifest)

    def _check_graph(self, path: Path) -> None:
        for kind, wanted, nodes in (
            ("input", self.manifest.input, self._session.get_inputs()),
            ("output", self.manifest.output, self._session.get_outputs()),
        ):
            names = [node.name for node in nodes]
            if wanted not in names:
                found = ", ".join(names)
                raise ClassifierFileError(f"{path}: the graph has no {kind} {wanted!r}; it has {found}")


def golden_views(golden: Golden, *, manifest: Manifest) -> UInt8Array:
    """Preprocess a golden input. It is decoded in this process because manifests are trusted.

    Returns:
        uint8 of shape (1, height, width, 3).

    Raises:
        ClassifierFileError: the image is not a PNG or JPEG file that can be read.
    """
    try:
        with Image.open(io.BytesIO(golden.image), formats=["PNG", "JPEG"]) as image:
            prepared = prepare(image.convert("RGB"), preprocessing=manifest.preprocessing)
    except OSError as error:
        index = manifest.golden.index(golden)
        raise ClassifierFileError(
            f"{manifest.name}: golden input {index} is not a PNG or JPEG file that can be read ({error})"
        ) from error
    return np.asarray(prepared, dtype=np.uint8)[np.newaxis]


def _verified_bytes(path: Path, *, manifest: Manifest) -> bytes:
    try:
        model = path.read_bytes()
    except OSError as error:
        raise ClassifierFileError(f"{path} cannot be read: {error.strerror}") from error
    found = hashlib.sha256(model).hexdigest()
    if found != manifest.sha256:
        raise ClassifierFileError(
            f"{path} has sha256 {found}; its manifest {manifest.name!r} expects {manifest.sha256}. "
            "The file is damaged or was replaced; install it again"
        )
    return model


def _session(model: bytes, *, path: Path, provider: str) -> Any:
    check_installed(provider)
    options = onnxruntime.SessionOptions()
    # One process a core computes more than threads that wait for each other.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(model, options, providers=[PROVIDERS[provider]])
    except _RUNTIME_ERRORS as error:
        raise ClassifierFileError(f"{path} is not a graph that can be loaded: {error}") from error
    check_started(session, provider=provider)
    return session


def _batches(views: UInt8Array, *, size: int) -> Iterator[UInt8Array]:
    for start in range(0, len(views), size):
        yield views[start : start + size]
