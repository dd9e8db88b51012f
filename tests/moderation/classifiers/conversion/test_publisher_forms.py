"""Published forms are read as their publishers mean them, or refused with what was found and what is accepted."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from PIL import Image

from moderation.classifiers.conversion import FormNotAccepted, PublisherFacts, read_published
from moderation.classifiers.conversion.golden import add_golden_outputs
from moderation.classifiers.conversion.licences import commercial_use
from moderation.inference.classifier import ClassifierSession
from moderation.inference.manifest import Manifest
from moderation.inference.scorer import Scored, Scorer
from tests.moderation.classifiers.conversion.vit.test_graph import forward
from tests.moderation.classifiers.publishing import network, publish_hugging_face, publish_timm, random_tensors, small
from tests.moderation.inference.tiny_onnx import write_colour_classifier, write_red_classifier

NOTHING = PublisherFacts()


def photo(size: tuple[int, int]) -> Image.Image:
    columns, rows = np.meshgrid(np.linspace(0, 255, size[0]), np.linspace(0, 255, size[1]))
    return Image.fromarray(np.stack([columns, rows, 255 - columns], axis=2).astype(np.uint8))


def score(manifest: Manifest, model: bytes, folder: Path, picture: Image.Image) -> dict[str, float]:
    path = folder / manifest.file
    path.write_bytes(model)
    picture.save(folder / "a.png")
    with Scorer([ClassifierSession.load(path, manifest)]) as scorer:
        (outcome,) = scorer.score([folder / "a.png"])
    assert isinstance(outcome, Scored)
    return {label: found.value for label, found in outcome.scores[manifest.key].items()}


def softmax(logits: Any) -> Any:
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def test_a_timm_folder_from_file_to_probability(tmp_path: Path) -> None:
    """Short side to 64 bicubic, centre crop, (x / 255 - 0.5) / 0.5, logits, softmax, the first label is NSFW."""
    tensors = random_tensors(network(), scale=0.1)
    converted = add_golden_outputs(
        read_published(publish_timm(tmp_path / "timm", tensors=tensors), stated=NOTHING), name="tiny"
    )
    picture = photo((160, 80))
    resized = picture.resize((128, 64), Image.Resampling.BICUBIC).crop((32, 0, 96, 64))
    pixels = (np.asarray(resized).transpose(2, 0, 1)[np.newaxis] / 255 - 0.5) / 0.5
    expected = softmax(forward(network(), tensors, pixels)[0])
    found = score(converted.manifest, converted.model, tmp_path, picture)
    assert [found["NSFW"], found["SFW"]] == pytest.approx(expected.tolist(), abs=1e-4)
    assert (converted.manifest.positive_label, converted.manifest.licence) == ("NSFW", "apache-2.0")
    assert converted.manifest.source["architecture"] == "vit_tiny_patch32_64"


def test_a_hugging_face_folder_from_file_to_probability(tmp_path: Path) -> None:
    folder = publish_hugging_face(tmp_path / "hf")
    converted = add_golden_outputs(read_published(folder, stated=NOTHING), name="small")
    picture = photo((50, 40))
    resized = np.asarray(picture.resize((32, 32), Image.Resampling.BILINEAR))
    pixels = (resized.transpose(2, 0, 1)[np.newaxis] / 255 - 0.5) / 0.25
    expected = softmax(forward(small(), random_tensors(small()), pixels)[0])
    found = score(converted.manifest, converted.model, tmp_path, picture)
    assert [found["normal"], found["nsfw"]] == pytest.approx(expected.tolist(), abs=1e-4)
    assert (converted.manifest.positive_label, converted.manifest.licence) == ("nsfw", "apache-2.0")


def test_the_file_itself_may_be_named(tmp_path: Path) -> None:
    folder = publish_hugging_face(tmp_path / "hf")
    assert read_published(folder / "onnx" / "model.onnx", stated=NOTHING) == read_published(folder, stated=NOTHING)
    timm = publish_timm(tmp_path / "timm")
    assert (
        read_published(timm / "model.safetensors", stated=NOTHING).facts == read_published(timm, stated=NOTHING).facts
    )


def test_a_manifest_may_leave_out_the_fields_that_the_import_fills_in(tmp_path: Path) -> None:
    manifest, path = write_red_classifier(tmp_path)
    facts = json.loads(manifest.to_json())
    for name in ("name", "file", "sha256", "golden"):
        del facts[name]
    path.with_suffix(".json").write_text(json.dumps(facts))
    converted = add_golden_outputs(read_published(path, stated=NOTHING), name="mine")
    assert converted.manifest.name == "mine"
    assert converted.manifest.file == f"{manifest.sha256}.onnx"
    assert len(converted.manifest.golden) == 5
    assert converted.unnoticed == []


def test_a_misreading_that_no_golden_output_would_notice_is_named(tmp_path: Path) -> None:
    """Brightness is the same in any colour order."""
    third = 1 / 3
    manifest, path = write_colour_classifier(
        tmp_path, labels=("dark", "light"), positive="light", weights=((-third, third),) * 3, bias=(1.0, 0.0)
    )
    facts = json.loads(manifest.to_json())
    del facts["golden"]
    path.with_suffix(".json").write_text(json.dumps(facts))
    assert add_golden_outputs(read_published(path, stated=NOTHING), name="mine").unnoticed == ["colour order swapped"]


def test_golden_outputs_that_a_publisher_states_are_kept(tmp_path: Path) -> None:
    manifest, path = write_red_classifier(tmp_path)
    assert add_golden_outputs(read_published(path, stated=NOTHING), name="mine").manifest.golden == manifest.golden


def test_several_labels_with_independent_probabilities(tmp_path: Path) -> None:
    config = {"problem_type": "multi_label_classification"}
    folder = publish_hugging_face(tmp_path / "hf", config=config)
    converted = add_golden_outputs(read_published(folder, stated=NOTHING), name="many")
    assert converted.manifest.output_kind == "sigmoid"
    assert not all(sum(scores.values()) == pytest.approx(1) for scores in converted.samples.values())


def test_another_preprocessing_has_another_version(tmp_path: Path) -> None:
    one = read_published(publish_timm(tmp_path / "one"), stated=NOTHING).facts
    other = read_published(
        publish_timm(tmp_path / "other", pretrained_cfg={"mean": [0.4, 0.5, 0.5]}), stated=NOTHING
    ).facts
    assert one["preprocessing_version"] != other["preprocessing_version"]
    assert one == read_published(publish_timm(tmp_path / "one"), stated=NOTHING).facts


def test_the_facts_that_the_operator_states_take_precedence(tmp_path: Path) -> None:
    stated = PublisherFacts(licence="mit", positive="SFW", source={"publisher": "somebody"})
    facts = read_published(publish_timm(tmp_path / "timm"), stated=stated).facts
    assert (facts["licence"], facts["positive_label"], facts["source"]["publisher"]) == ("mit", "SFW", "somebody")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architecture": "resnet50"}, r"architecture in .*: found resnet50; accepted is vit_SIZE_patchP_N"),
        ({"architecture": "vit_tiny_patch16_64"}, r"patch_embed.proj.weight has shape \(192, 3, 32, 32\); accepted is"),
        ({"architecture": "vit_small_patch32_64"}, r"accepted is \(1, 1, 384\).*and \d+ more"),
        ({"global_pool": "map"}, "global_pool in .*: found map; accepted is token or avg"),
        ({"model_args": {"reg_tokens": 4}}, r'model_args in .*: found \["reg_tokens"\]'),
        ({"label_names": None}, r"label_names in .*: found null; accepted is a list"),
        ({"label_names": ["a", "b", "c"]}, "accepted is 2 of them, as num_classes says"),
        ({"label_names": ["a", "b"]}, "positive label: found labels a, b; accepted is one of them, named with"),
        ({"pretrained_cfg": {"license": None}}, r"licence of .*: found none .*; accepted is its SPDX name.*--licence"),
        ({"pretrained_cfg": {"input_size": [3, 96, 96]}}, r"input_size .*: found \[3, 96, 96\]; accepted is \[3, 64"),
        ({"pretrained_cfg": {"interpolation": "nearest"}}, "interpolation in .*: found nearest"),
        ({"pretrained_cfg": {"crop_pct": "all"}}, "found crop_mode center, crop_pct all"),
        ({"pretrained_cfg": {"crop_mode": "border"}}, "found crop_mode border, crop_pct 1.0"),
        ({"pretrained_cfg": {"mean": None}}, "mean in .*: found null; accepted is three numbers"),
    ],
)  # fmt: skip
def test_timm_folders_that_are_refused(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(FormNotAccepted, match=message):
        read_published(publish_timm(tmp_path / "timm", **changes), stated=NOTHING)


def test_a_configuration_without_preprocessing(tmp_path: Path) -> None:
    folder = publish_timm(tmp_path / "timm")
    (folder / "config.json").write_text(json.dumps({"architecture": "vit_tiny_patch32_64", "label_names": ["a", "b"]}))
    with pytest.raises(FormNotAccepted, match=r"pretrained_cfg in .*: found null; accepted is an object"):
        read_published(folder, stated=NOTHING)


def test_tensors_that_are_missing_unknown_or_not_floats(tmp_path: Path) -> None:
    tensors = random_tensors(network())
    without = {name: value for name, value in tensors.items() if name != "blocks.3.attn.qkv.bias"}
    with pytest.raises(
        FormNotAccepted, match=r"tensor blocks.3.attn.qkv.bias \(576,\) is missing; accepted is the 152"
    ):
        read_published(publish_timm(tmp_path / "a", tensors=without), stated=NOTHING)
    with pytest.raises(FormNotAccepted, match=r"tensor reg_token \(1, 4, 192\) has no place in it"):
        read_published(
            publish_timm(tmp_path / "b", tensors={**tensors, "reg_token": np.zeros((1, 4, 192), "f4")}), stated=NOTHING
        )
    whole = {**tensors, "norm.bias": np.zeros(192, np.int32)}
    with pytest.raises(FormNotAccepted, match=r"numbers in .*: found I32; accepted is F32, F16"):
        read_published(publish_timm(tmp_path / "c", tensors=whole), stated=NOTHING)


def test_half_precision_is_read(tmp_path: Path) -> None:
    tensors = {name: value.astype(np.float16) for name, value in random_tensors(network(), scale=0.1).items()}
    add_golden_outputs(read_published(publish_timm(tmp_path / "timm", tensors=tensors), stated=NOTHING), name="half")


def test_a_damaged_tensor_file(tmp_path: Path) -> None:
    folder = publish_timm(tmp_path / "timm")
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(FormNotAccepted, match="accepted is a whole safetensors file"):
        read_published(folder, stated=NOTHING)


@pytest.mark.parametrize(
    ("config", "preprocessing", "message"),
    [
        ({"architectures": ["CLIPModel"]}, {}, r'found \["CLIPModel"\]; accepted is one that ends with ForImage'),
        ({"id2label": {"0": "a", "2": "b"}}, {}, "id2label in .*accepted is labels by index"),
        ({"id2label": None}, {}, "id2label in .*: found null"),
        ({}, {"do_pad": True}, "found do_pad; accepted is do_resize"),
        ({}, {"crop_pct": 0.9}, "found crop_pct"),
        ({}, {"resample": 0}, "resample in .*: found 0"),
        ({}, {"size": {"longest_edge": 32}}, "size in .*longest_edge"),
        ({}, {"size": 32, "image_processor_type": "CLIPImageProcessor"}, "size in .*: found 32"),
    ],
)
def test_hugging_face_folders_that_are_refused(config: Any, preprocessing: Any, message: str, tmp_path: Path) -> None:
    folder = publish_hugging_face(tmp_path / "hf", config=config, preprocessing=preprocessing)
    with pytest.raises(FormNotAccepted, match=message):
        read_published(folder, stated=NOTHING)


def test_a_licence_is_required(tmp_path: Path) -> None:
    folder = publish_hugging_face(tmp_path / "hf", card="")
    with pytest.raises(FormNotAccepted, match=r"licence of .*: found none"):
        read_published(folder, stated=NOTHING)
    assert read_published(folder, stated=PublisherFacts(licence="mit")).facts["licence"] == "mit"


def test_a_declared_input_size_must_be_the_size_after_preprocessing(tmp_path: Path) -> None:
    folder = publish_hugging_face(tmp_path / "hf", preprocessing={"size": {"height": 48, "width": 48}})
    with pytest.raises(FormNotAccepted, match=r"input pixel_values of .*: found 32 x 32; accepted is 48 x 48"):
        read_published(folder, stated=NOTHING)


def test_onnx_files_that_the_engine_cannot_use(tmp_path: Path) -> None:
    folder = publish_hugging_face(tmp_path / "hf")
    path = folder / "onnx" / "model.onnx"
    good = path.read_bytes()

    def refused(message: str, change: Any) -> None:
        model = onnx.load_model_from_string(good)
        change(model)
        path.write_bytes(model.SerializeToString())
        with pytest.raises(FormNotAccepted, match=message):
            read_published(folder, stated=NOTHING)

    def fix_batch(model: Any) -> None:
        model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1

    def halve(model: Any) -> None:
        model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.FLOAT16

    def outsource(model: Any) -> None:
        model.graph.initializer[0].data_location = onnx.TensorProto.EXTERNAL

    refused("batch of .*: found fixed at 1; accepted is a dynamic batch axis", fix_batch)
    refused(r"input pixel_values of .*: found FLOAT16; accepted is FLOAT \(32 bits\)", halve)
    refused("found weights in files beside it; accepted is a single file", outsource)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(FormNotAccepted, match="accepted is an ONNX file"):
        read_published(folder, stated=NOTHING)


def test_a_folder_of_photos_is_refused_with_a_few_of_its_names(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(140):
        (folder / f"{number:03}.jpg").write_bytes(b"")
    with pytest.raises(FormNotAccepted, match=r"found 000.jpg, 001.jpg, 002.jpg, 003.jpg, 004.jpg and 135 more; acc"):
        read_published(folder, stated=NOTHING)


def test_several_onnx_files_have_to_be_told_apart(tmp_path: Path) -> None:
    for name in ("a.onnx", "b.onnx"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(FormNotAccepted, match=r"found a.onnx, b.onnx; accepted is one ONNX file"):
        read_published(tmp_path, stated=NOTHING)


@pytest.mark.parametrize(
    ("licence", "permitted"),
    [("apache-2.0", True), ("MIT", True), ("BSD-2-Clause (the weights)", True), ("cc-by-nc-4.0", False),
     ("cc-by-nc-sa-4.0", False), ("cc-by-4.0", True), ("other", None), ("", None)],
)  # fmt: skip
def test_commercial_use(licence: str, permitted: bool | None) -> None:
    assert commercial_use(licence).permitted is permitted
