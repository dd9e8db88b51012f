"""Read an ONNX file with Hugging Face's ``config.json`` and ``preprocessor_config.json``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from moderation.classifiers.conversion.licences import find_licence, licence_text
from moderation.classifiers.conversion.onnx_files import OnnxFile
from moderation.classifiers.conversion.publisher_facts import (
    FormNotAccepted,
    PublishedClassifier,
    PublisherFacts,
    positive_label,
    preprocessing_version,
    read_object,
)

#: Pillow's numbers of its filters.
_FILTERS = {1: "lanczos", 2: "bilinear", 3: "bicubic"}
_STEPS = {"do_resize", "do_rescale", "do_normalize", "do_center_crop", "do_convert_rgb"}
_KIND = "ForImageClassification"


def read_hugging_face(file: OnnxFile, *, folder: Path, stated: PublisherFacts) -> PublishedClassifier:
    """Read a classifier whose configuration lies in ``folder``.

    Raises:
        FormNotAccepted: it is not an image classifier, or it needs preprocessing that the engine does not have.
    """
    config, steps = (read_object(folder / name) for name in ("config.json", "preprocessor_config.json"))
    labels = _labels(config, path=folder / "config.json")
    facts: dict[str, Any] = {
        **_pixels(steps, path=folder / "preprocessor_config.json"),
        "input": file.input,
        "output": file.output()[0],
        "layout": "NCHW",
        "colour_order": "RGB",
        "output_kind": "sigmoid" if config.get("problem_type") == "multi_label_classification" else "logits",
        "labels": labels,
        "positive_label": positive_label(labels, stated=stated.positive),
        "licence": find_licence(folder, stated=stated.licence, config=config),
        "source": {"form": "Hugging Face", **_origin(config, folder=folder), **stated.source},
    }
    file.check_size(facts["size"], layout="NCHW")
    facts["preprocessing_version"] = preprocessing_version("hf", facts=facts)
    return PublishedClassifier(file.model, facts, licence_text(folder))


def _origin(config: Mapping[str, Any], *, folder: Path) -> dict[str, str]:
    name = config.get("_name_or_path")
    return {"folder": folder.resolve().name, **({"trained_from": str(name)} if name else {})}


def _labels(config: Mapping[str, Any], *, path: Path) -> list[str]:
    kinds = config.get("architectures") or []
    if not any(str(kind).endswith(_KIND) for kind in kinds):
        raise FormNotAccepted(
            f"architectures in {path}", found=kinds, accepted=f"one that ends with {_KIND}, such as ViT{_KIND}"
        )
    table = config.get("id2label")
    if not isinstance(table, dict) or sorted(table) != sorted(str(index) for index in range(len(table))):
        raise FormNotAccepted(
            f"id2label in {path}", found=table, accepted='labels by index, such as {"0": "sfw", "1": "nsfw"}'
        )
    return [str(table[str(index)]) for index in range(len(table))]


def _pixels(steps: Mapping[str, Any], *, path: Path) -> dict[str, Any]:
    """Return the manifest's fields from ``size`` to ``std``."""
    unknown = [name for name, on in steps.items() if name.startswith("do_") and on and name not in _STEPS]
    if unknown or not steps.get("do_resize", True) or "crop_pct" in steps:
        found = ", ".join(unknown) or ("crop_pct" if "crop_pct" in steps else "do_resize false")
        raise FormNotAccepted(
            f"steps in {path}",
            found=found,
            accepted=f"do_resize and, optionally, {', '.join(sorted(_STEPS - {'do_resize'}))}",
        )
    resize, crop = _resize(steps, path=path), _crop(steps, path=path)
    normalised = steps.get("do_normalize", True)
    return {
        "size": crop or resize["size"],
        "resize": resize,
        "crop": crop,
        "jpeg_round_trip": False,
        "draft": False,  # the publisher's own preprocessing decodes every pixel
        "scale": steps.get("rescale_factor", 1 / 255) if steps.get("do_rescale", True) else 1.0,
        "mean": steps.get("image_mean") if normalised else [0, 0, 0],
        "std": steps.get("image_std") if normalised else [1, 1, 1],
    }


def _resize(steps: Mapping[str, Any], *, path: Path) -> dict[str, Any]:
    number = steps.get("resample", 2)
    if number not in _FILTERS:
        raise FormNotAccepted(f"resample in {path}", found=number, accepted=f"one of {_FILTERS}")
    match steps.get("size"):
        case {"height": int(height), "width": int(width)}:
            return {"mode": "exact", "size": [width, height], "filter": _FILTERS[number]}
        case int(side) if _kind(steps).startswith("ViT"):
            return {"mode": "exact", "size": [side, side], "filter": _FILTERS[number]}
        case {"shortest_edge": int(side)}:
            return {"mode": "short_side", "size": [side], "filter": _FILTERS[number]}
        case other:
            accepted = '{"height": ..., "width": ...}, {"shortest_edge": ...}, or one number for ViT'
            raise FormNotAccepted(f"size in {path}", found=other, accepted=accepted)


def _crop(steps: Mapping[str, Any], *, path: Path) -> list[int] | None:
    if not steps.get("do_center_crop", False):
        return None
    match steps.get("crop_size"):
        case {"height": int(height), "width": int(width)}:
            return [width, height]
        case int(side):
            return [side, side]
        case other:
            raise FormNotAccepted(f"crop_size in {path}", found=other, accepted='{"height": ..., "width": ...}')


def _kind(steps: Mapping[str, Any]) -> str:
    return str(steps.get("image_processor_type") or steps.get("feature_extractor_type") or "")
