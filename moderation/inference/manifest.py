"""A classifier as data: what stands beside an ONNX file and is everything the engine needs to use it."""

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from moderation.decoding.preprocessing import Filter, Preprocessing, Resize, ResizeMode, Size
from moderation.inference.manifest_fields import Fields, ManifestError, parse_object, probability, size, whole

__all__ = ["ClassifierFileError", "Golden", "Manifest", "ManifestError"]

Layout = Literal["NHWC", "NCHW"]
ColourOrder = Literal["RGB", "BGR"]
OutputKind = Literal["logits", "sigmoid", "probabilities"]


class ClassifierFileError(ValueError):
    """The ONNX file is not the one that its manifest describes."""


@dataclass(frozen=True, slots=True)
class Golden:
    """An input whose output is known.

    Attributes:
        image: bytes of a small PNG or JPEG file.
        expected: label -> probability.
        positive: probability of the positive label, stated once more so that a swapped one is noticed.
        tolerance: greatest accepted difference of a probability.
    """

    image: bytes
    expected: Mapping[str, float]
    positive: float
    tolerance: float


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything the engine needs to know of one ONNX file.

    The network's input is ``(pixel * scale - mean) / std`` with pixels 0 to 255 in ``colour_order``; ``mean``
    and ``std`` are in that order too.

    Attributes:
        file: name of the ONNX file, which lies beside the manifest.
        input: name of the graph's input; ``output`` likewise.
        size: the input's (width, height) in pixels.
        preprocessing: its ``version`` belongs to the provenance of every score; change both together.
        output_kind: ``logits`` become probabilities by softmax, ``sigmoid`` are logits of independent
            labels, ``probabilities`` are taken as they are.
        source: provenance, for example publisher, url, revision.
    """

    name: str
    file: str
    sha256: str
    input: str
    output: str
    layout: Layout
    colour_order: ColourOrder
    size: Size
    preprocessing: Preprocessing
    scale: float
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    output_kind: OutputKind
    labels: tuple[str, ...]
    positive_label: str
    licence: str
    source: Mapping[str, str]
    golden: tuple[Golden, ...]

    @property
    def key(self) -> tuple[str, str]:
        """What tells classifiers apart: the file, and how pictures are prepared for it."""
        return self.sha256, self.preprocessing_version

    @property
    def preprocessing_version(self) -> str:
        return self.preprocessing.version

    @classmethod
    def from_json(cls, value: str | bytes | Mapping[str, Any]) -> "Manifest":
        """Read a manifest from JSON text or from what ``json.loads`` makes of it.

        Raises:
            ManifestError: a field is missing, unknown, or its value is not accepted.
        """
        read = parse_object(value)
        manifest = _read_manifest(read)
        read.nothing_else()
        _check_sizes(manifest)
        _check_labels(manifest)
        return manifest

    def to_json(self) -> str:
        """Write what ``from_json`` reads."""
        rule = self.preprocessing.as_json()
        plain = {name: getattr(self, name) for name in _PLAIN_FIELDS}
        rule["preprocessing_version"] = rule.pop("version")
        golden = [_golden_json(each) for each in self.golden]
        return json.dumps({**plain, **rule, "source": dict(self.source), "golden": golden}, indent=2)


_PLAIN_FIELDS = [field.name for field in fields(Manifest) if field.name not in ("preprocessing", "source", "golden")]


def _read_manifest(read: Fields) -> Manifest:
    return Manifest(
        name=read.text("name"),
        file=read.take("file", _file_name, accepted="the name of a file beside the manifest, no folders"),
        sha256=read.sha256("sha256"),
        input=read.text("input"),
        output=read.text("output"),
        layout=read.choice("layout", get_args(Layout)),
        colour_order=read.choice("colour_order", get_args(ColourOrder)),
        size=read.size("size"),
        preprocessing=_read_preprocessing(read),
        scale=read.number("scale"),
        mean=read.triple("mean"),
        std=read.triple("std"),
        output_kind=read.choice("output_kind", get_args(OutputKind)),
        labels=read.take("labels", _distinct, accepted="two labels or more, all different"),
        positive_label=read.text("positive_label"),
        licence=read.text("licence"),
        source=read.texts("source"),
        golden=tuple(_read_golden(item, inside=f"golden[{index}].") for index, item in enumerate(read.items("golden"))),
    )


def _read_preprocessing(read: Fields) -> Preprocessing:
    return Preprocessing(
        version=read.text("preprocessing_version"),
        resize=read.take("resize", _read_resize, accepted="an object of mode, size and filter"),
        crop=read.take("crop", _size_or_none, accepted="[width, height] or null"),
        jpeg_round_trip=read.flag("jpeg_round_trip"),
        draft=read.flag("draft"),
    )


def _read_resize(value: Any) -> Resize:
    read = Fields(value, inside="resize.")
    mode = read.choice("mode", get_args(ResizeMode))
    if mode == "exact":
        target: tuple[int, ...] = read.size("size")
    else:
        target = read.take("size", _one_side, accepted="[side], the shorter side in pixels")
    resize = Resize(mode, target, read.choice("filter", get_args(Filter)))
    read.nothing_else()
    return resize


def _read_golden(value: Any, *, inside: str) -> Golden:
    read = Fields(value, inside=inside)
    golden = Golden(
        image=read.base64("image"),
        expected=read.take("expected", _probabilities, accepted="an object: label -> number from 0 to 1"),
        positive=read.probability("positive"),
        tolerance=read.probability("tolerance"),
    )
    read.nothing_else()
    return golden


def _check_sizes(manifest: Manifest) -> None:
    rule = manifest.preprocessing
    if rule.resize.mode == "short_side" and rule.crop is None:
        raise ManifestError("crop", found=None, accepted="[width, height]: only the short side is resized")
    room = (rule.resize.size[0], rule.resize.size[-1])
    if rule.crop and (rule.crop[0] > room[0] or rule.crop[1] > room[1]):
        raise ManifestError("crop", found=rule.crop, accepted=f"at most {room}, the size after the resize")
    if rule.size != manifest.size:
        raise ManifestError("size", found=manifest.size, accepted=f"{rule.size}, what resize and crop give")
    if 0 in manifest.std:
        raise ManifestError("std", found=manifest.std, accepted="three numbers other than 0")


def _check_labels(manifest: Manifest) -> None:
    names = ", ".join(manifest.labels)
    if manifest.positive_label not in manifest.labels:
        raise ManifestError("positive_label", found=manifest.positive_label, accepted=f"one of {names}")
    for index, golden in enumerate(manifest.golden):
        if set(golden.expected) != set(manifest.labels):
            field, found = f"golden[{index}].expected", dict(golden.expected)
            raise ManifestError(field, found=found, accepted=f"a probability of each of {names}")
        _check_positive(manifest, golden=golden)


def _check_positive(manifest: Manifest, *, golden: Golden) -> None:
    """Two places must agree on the positive label: a swapped one silently ruins every decision."""
    expected = golden.expected[manifest.positive_label]
    if not math.isclose(expected, golden.positive, abs_tol=golden.tolerance):
        accepted = (
            f"the label whose probability a golden input states as {golden.positive}; that of "
            f"{manifest.positive_label!r} is {expected} there, so the positive label may be swapped"
        )
        raise ManifestError("positive_label", found=manifest.positive_label, accepted=accepted)


def _golden_json(golden: Golden) -> dict[str, Any]:
    image = base64.b64encode(golden.image).decode("ascii")
    facts = {"expected": dict(golden.expected), "positive": golden.positive, "tolerance": golden.tolerance}
    return {"image": image, **facts}


def _file_name(found: Any) -> str:
    if not isinstance(found, str) or not found or "/" in found or "\\" in found or found in (".", ".."):
        raise ValueError
    return found


def _size_or_none(found: Any) -> Size | None:
    return None if found is None else size(found)


def _one_side(found: Any) -> tuple[int]:
    (side,) = found
    return (whole(side),)


def _distinct(found: Any) -> tuple[str, ...]:
    labels = tuple(found) if isinstance(found, list | tuple) else ()
    if len(labels) < 2 or not all(isinstance(label, str) for label in labels):
        raise TypeError
    if len(set(labels)) < len(labels):
        raise ValueError
    return labels


def _probabilities(found: Any) -> dict[str, float]:
    return {str(label): probability(value) for label, value in dict(found).items()}
