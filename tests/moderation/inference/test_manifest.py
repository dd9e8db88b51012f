"""A manifest is read strictly: the wrong field is named, and no value is guessed."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from moderation.inference.embedded import open_nsfw
from moderation.inference.manifest import Manifest, ManifestError
from tests.moderation.inference.tiny_onnx import write_red_classifier

MISSING = object()


@pytest.fixture
def facts(tmp_path: Path) -> dict[str, Any]:
    manifest, _ = write_red_classifier(tmp_path)
    return json.loads(manifest.to_json())  # type: ignore[no-any-return]


def test_a_manifest_survives_a_round_trip() -> None:
    manifest, _ = open_nsfw()
    assert Manifest.from_json(manifest.to_json()) == manifest


def test_every_byte_of_the_written_manifest_stays_the_same() -> None:
    """Registered manifests are compared and hashed as text, so a new release must write the same bytes."""
    manifest, _ = open_nsfw()
    written = manifest.to_json()
    assert hashlib.sha256(written.encode()).hexdigest() == (
        "4d9fa4a741f5e12268843dc444ce6acc5055a64d95d538ec046f7cb3a8a5aa6a"
    )
    assert Manifest.from_json(written).to_json() == written


def test_whole_numbers_are_written_as_floats_and_other_letters_escaped(facts: dict[str, Any]) -> None:
    """The same for values that the embedded manifest lacks."""
    written = Manifest.from_json({**facts, "mean": [0, 0, 0], "licence": "\u0142"}).to_json()
    assert '"mean": [\n    0.0,\n    0.0,\n    0.0\n  ]' in written
    assert '"licence": "\\u0142"' in written
    assert '"crop": null' in written


def test_a_golden_image_is_bytes(facts: dict[str, Any]) -> None:
    manifest = Manifest.from_json(facts)
    assert manifest.golden[0].image == base64.b64decode(facts["golden"][0]["image"])


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("name", MISSING, "'name': found \"nothing\"; accepted is a text"),
        ("name", "  ", "'name': found \"  \""),
        ("file", "../red.onnx", "'file': found \"../red.onnx\"; accepted is the name of a file beside"),
        ("sha256", "ABC", "'sha256': found \"ABC\"; accepted is 64 hexadecimal digits"),
        ("sha256", 5, "'sha256': found 5"),
        ("layout", "HWC", "'layout': found \"HWC\"; accepted is one of NHWC, NCHW"),
        ("colour_order", "rgb", "'colour_order': found \"rgb\"; accepted is one of RGB, BGR"),
        ("size", [16], "'size': found [16]"),
        ("size", [16, 0], "'size': found [16, 0]"),
        ("size", [17, 16], "'size': found [17, 16]; accepted is (16, 16), the size after resize and crop"),
        ("resize", {"mode": "exact", "size": [16, 16]}, "'resize.filter': found \"nothing\""),
        ("resize", {"mode": "fit", "size": [16, 16], "filter": "bilinear"}, "'resize.mode': found \"fit\""),
        ("resize", {"mode": "exact", "size": [16, 16], "filter": "nearest"}, "'resize.filter': found \"nearest\""),
        ("resize", {"mode": "short_side", "size": [16], "filter": "bicubic"}, "'crop': found null"),
        ("resize", 256, "'resize': found 256; accepted is a JSON object"),
        ("crop", [20, 20], "'crop': found [20, 20]; accepted is at most (16, 16)"),
        ("jpeg_round_trip", "yes", "'jpeg_round_trip': found \"yes\"; accepted is true or false"),
        ("draft", 1, "'draft': found 1; accepted is true or false"),
        ("scale", "1/255", "'scale': found \"1/255\"; accepted is a number"),
        ("scale", float("nan"), "'scale': found NaN"),
        ("mean", [0, 0], "'mean': found [0, 0]; accepted is three numbers"),
        ("std", [1, 0, 1], "accepted is three numbers other than 0"),
        ("output_kind", "scores", "'output_kind': found \"scores\"; accepted is one of logits, sigmoid, prob"),
        ("labels", ["red"], "'labels': found [\"red\"]; accepted is two labels or more"),
        ("labels", ["red", "red"], '\'labels\': found ["red", "red"]'),
        ("labels", ["other", "blue"], "'positive_label': found \"red\"; accepted is one of other, blue"),
        ("positive_label", "other", "so the positive label may be swapped"),
        ("licence", "", "'licence': found \"\""),
        ("source", {}, "'source': found {}"),
        ("golden", [], "'golden': found []; accepted is a list that is not empty"),
        ("golden", [{"image": "!"}], "'golden[0].image': found \"!\"; accepted is base64"),
        ("golden", [7], "'golden[0]': found 7; accepted is a JSON object"),
        ("size", [True, 16], "'size': found [true, 16]; accepted is [width, height], whole numbers from 1 to 4096"),
        ("scale", True, "'scale': found true; accepted is a number"),
        ("crop", [16], "'crop': found [16]; accepted is [width, height] or null"),
        ("source", {"url": " "}, '\'source\': found {"url": " "}; accepted is an object of texts'),
        ("sha256", "a" * 64 + "\\n", "'sha256': found"),
        (
            "resize",
            {"mode": "short_side", "size": [16, 16], "filter": "bicubic"},
            "'resize.size': found [16, 16]; accepted is [side], the shorter side in pixels",
        ),
        (
            "resize",
            {"mode": "exact", "size": [16, 16], "filter": "bilinear", "crop": 1},
            "'resize.crop': found 1; accepted is only mode, size, filter",
        ),
        ("colour", "RGB", "'colour': found \"RGB\"; accepted is only"),
    ],
)
def test_the_wrong_field_is_named(field: str, value: Any, message: str, facts: dict[str, Any]) -> None:
    changed = {**facts, field: value}
    if value is MISSING:
        del changed[field]
    with pytest.raises(ManifestError) as caught:
        Manifest.from_json(changed)
    assert message in str(caught.value)


def test_a_golden_output_must_name_every_label(facts: dict[str, Any]) -> None:
    facts["golden"][1]["expected"] = {"red": 0.2}
    with pytest.raises(ManifestError, match=r"golden\[1\].expected"):
        Manifest.from_json(facts)


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "null"])
def test_text_that_is_not_an_object_is_refused(text: str) -> None:
    with pytest.raises(ManifestError, match="a JSON object"):
        Manifest.from_json(text)
