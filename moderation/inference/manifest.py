"""A classifier's manifest: the JSON file that describes an ONNX file, and everything the engine needs to use it."""

import base64
import json
import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from moderation.decoding.preprocessing import Filter, Preprocessing, Resize, ResizeMode, Size
from moderation.inference.manifest_errors import ManifestError, first_error

__all__ = ["ClassifierFileError", "Golden", "Manifest", "ManifestError", "ResizeRule"]


class ClassifierFileError(ValueError):
    """The ONNX file is not the one that its manifest describes."""


def _check_not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError
    return text


def _check_file_name(name: str) -> str:
    if "/" in name or "\\" in name or name in ("", ".", ".."):
        raise ValueError
    return name


def _check_distinct(labels: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(labels)) < len(labels):
        raise ValueError
    return labels


def _decode_base64(value: Any) -> Any:
    return base64.b64decode(_check_not_blank(value), validate=True) if isinstance(value, str) else value


Text = Annotated[str, AfterValidator(_check_not_blank)]
Probability = Annotated[float, Field(ge=0, le=1)]
Pixels = Annotated[int, Field(ge=1, le=4096)]
Triple = tuple[float, float, float]

_TEXT = "a text that is not empty"
_FLAG = "true or false"
_SIZE = "[width, height], whole numbers from 1 to 4096"
_TRIPLE = "three numbers, one for each colour"
_PROBABILITY = "a number from 0 to 1"


class _StrictModel(BaseModel):
    """Accepts JSON values of exactly the declared types and no other fields. Descriptions say what is accepted."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


class Golden(_StrictModel):
    """An input whose output is known.

    Attributes:
        image: bytes of a small PNG or JPEG file; base64 in JSON.
        expected: label -> probability.
        positive: probability of the positive label, stated a second time so that a swapped label is noticed.
        tolerance: greatest accepted difference of a probability.
    """

    image: Annotated[bytes, BeforeValidator(_decode_base64)] = Field(description="base64 of a PNG or JPEG file")
    expected: dict[str, Probability] = Field(description="an object: label -> number from 0 to 1")
    positive: Probability = Field(description=_PROBABILITY)
    tolerance: Probability = Field(description=_PROBABILITY)


class ResizeRule(_StrictModel):
    """``exact``: to ``size`` (width, height). ``short_side``: the shorter side to ``size[0]``."""

    mode: ResizeMode = Field(description="one of exact, short_side")
    size: tuple[Pixels, ...] = Field(description=f"{_SIZE}, or [side]")
    filter: Filter = Field(description="one of bilinear, bicubic, lanczos")

    @model_validator(mode="after")
    def _check_size(self) -> Self:
        if len(self.size) != (2 if self.mode == "exact" else 1):
            accepted = _SIZE if self.mode == "exact" else "[side], the shorter side in pixels"
            raise ManifestError("resize.size", found=self.size, accepted=accepted)
        return self


class Manifest(_StrictModel):
    """Everything the engine needs to know about one ONNX file.

    The network's input is ``(pixel * scale - mean) / std`` with pixels 0 to 255 in ``colour_order``; ``mean``
    and ``std`` are in that order too.

    Attributes:
        file: name of the ONNX file, which lies beside the manifest.
        input: name of the graph's input; ``output`` likewise.
        size: the input's (width, height) in pixels.
        output_kind: ``logits`` become probabilities by softmax, ``sigmoid`` are logits of independent
            labels, ``probabilities`` are used unchanged.
        resize, crop, jpeg_round_trip, draft: how an image becomes the network's input; see ``Preprocessing``.
        preprocessing_version: belongs to the provenance of every score; change it with the preprocessing.
        source: provenance, for example publisher, url, revision.
    """

    # The order of the fields is the order in the file.
    name: Text = Field(description=_TEXT)
    file: Annotated[str, AfterValidator(_check_file_name)] = Field(
        description="the name of a file beside the manifest, no folders"
    )
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="64 hexadecimal digits in lower case")
    input: Text = Field(description=_TEXT)
    output: Text = Field(description=_TEXT)
    layout: Literal["NHWC", "NCHW"] = Field(description="one of NHWC, NCHW")
    colour_order: Literal["RGB", "BGR"] = Field(description="one of RGB, BGR")
    size: tuple[Pixels, Pixels] = Field(description=_SIZE)
    scale: float = Field(description="a number")
    mean: Triple = Field(description=_TRIPLE)
    std: Triple = Field(description=_TRIPLE)
    output_kind: Literal["logits", "sigmoid", "probabilities"] = Field(
        description="one of logits, sigmoid, probabilities"
    )
    labels: Annotated[tuple[str, ...], AfterValidator(_check_distinct)] = Field(
        min_length=2, description="two labels or more, all different"
    )
    positive_label: Text = Field(description=_TEXT)
    licence: Text = Field(description=_TEXT)
    resize: ResizeRule = Field(description="a JSON object of mode, size and filter")
    crop: tuple[Pixels, Pixels] | None = Field(description="[width, height] or null")
    jpeg_round_trip: bool = Field(description=_FLAG)
    draft: bool = Field(description=_FLAG)
    preprocessing_version: Text = Field(description=_TEXT)
    source: dict[Text, Text] = Field(min_length=1, description="an object of texts, not empty")
    golden: tuple[Golden, ...] = Field(min_length=1, description="a list that is not empty")

    @property
    def key(self) -> tuple[str, str]:
        """Identifies the classifier: the file, and how images are prepared for it."""
        return self.sha256, self.preprocessing_version

    @property
    def preprocessing(self) -> Preprocessing:
        """The preprocessing as the decode process takes it."""
        resize = Resize(self.resize.mode, self.resize.size, self.resize.filter)
        return Preprocessing(self.preprocessing_version, resize, self.crop, self.jpeg_round_trip, self.draft)

    @classmethod
    def from_json(cls, value: str | bytes | Mapping[str, Any]) -> Self:
        """Read a manifest from JSON text or from the object that ``json.loads`` returns.

        Raises:
            ManifestError: a field is missing, unknown, or its value is not accepted.
        """
        try:
            found = dict(value) if isinstance(value, Mapping) else json.loads(value)
        except ValueError as error:
            raise ManifestError("(all)", found=str(error), accepted="a JSON object") from error
        try:
            # In JSON, strict mode accepts a list for a tuple and nothing more.
            return cls.model_validate_json(json.dumps(found))
        except ValidationError as error:
            nested: dict[str, type[BaseModel]] = {"resize": ResizeRule, "golden": Golden}
            raise first_error(error, value=found, model=cls, nested=nested) from error

    def to_json(self) -> str:
        """Write the text that ``from_json`` reads. Stored hashes depend on every byte of it."""
        facts = self.model_dump()
        for golden in facts["golden"]:
            golden["image"] = base64.b64encode(golden["image"]).decode("ascii")
        return json.dumps(facts, indent=2)

    @model_validator(mode="after")
    def _check_sizes(self) -> Self:
        target = self.resize.size
        if self.resize.mode == "short_side" and self.crop is None:
            raise ManifestError("crop", found=None, accepted="[width, height]: only the short side is resized")
        room: Size = (target[0], target[-1])
        if self.crop and (self.crop[0] > room[0] or self.crop[1] > room[1]):
            raise ManifestError("crop", found=self.crop, accepted=f"at most {room}, the size after the resize")
        if self.size != (self.crop or room):
            raise ManifestError(
                "size", found=self.size, accepted=f"{self.crop or room}, the size after resize and crop"
            )
        if 0 in self.std:
            raise ManifestError("std", found=self.std, accepted="three numbers other than 0")
        return self

    @model_validator(mode="after")
    def _check_labels(self) -> Self:
        names = ", ".join(self.labels)
        if self.positive_label not in self.labels:
            raise ManifestError("positive_label", found=self.positive_label, accepted=f"one of {names}")
        for index, golden in enumerate(self.golden):
            if set(golden.expected) != set(self.labels):
                field = f"golden[{index}].expected"
                raise ManifestError(field, found=golden.expected, accepted=f"a probability of each of {names}")
            self._check_positive(golden)
        return self

    def _check_positive(self, golden: Golden) -> None:
        """Two places must agree on the positive label: a swapped label silently ruins every decision."""
        expected = golden.expected[self.positive_label]
        if not math.isclose(expected, golden.positive, abs_tol=golden.tolerance):
            accepted = (
                f"the label whose probability a golden input states as {golden.positive}; that of "
                f"{self.positive_label!r} is {expected} there, so the positive label may be swapped"
            )
            raise ManifestError("positive_label", found=self.positive_label, accepted=accepted)
