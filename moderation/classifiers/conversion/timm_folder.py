"""Read a timm folder: tensors and a configuration, without an ONNX file."""

import hashlib
from collections.abc import Mapping
from math import floor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from moderation.classifiers.conversion import vit
from moderation.classifiers.conversion.licences import find_licence, licence_text
from moderation.classifiers.conversion.publisher_facts import (
    FormNotAccepted,
    PublishedClassifier,
    PublisherFacts,
    positive_label,
    preprocessing_version,
    read_object,
)
from moderation.classifiers.conversion.vit.architecture import ACCEPTED_NAMES, VisionTransformer

_FILTERS = ("bilinear", "bicubic", "lanczos")
_FLOATS = ("F32", "F16")


def read_timm(folder: Path, *, stated: PublisherFacts) -> PublishedClassifier:
    """Read ``config.json`` and ``model.safetensors`` and build the ONNX file.

    Raises:
        FormNotAccepted: an unknown architecture, tensors that do not fit it, no licence, no labels.
    """
    config, path = read_object(folder / "config.json"), folder / "config.json"
    settings = config.get("pretrained_cfg")
    if not isinstance(settings, dict):
        raise FormNotAccepted(
            f"pretrained_cfg in {path}", found=settings, accepted="an object with mean, std, interpolation"
        )
    labels = _labels(config, path=path)
    licence = find_licence(folder, stated=stated.licence, config={**config, **settings})
    network = _network(config, classes=len(labels), path=path)
    pixels = _pixels(settings, network=network, path=path)
    positive = positive_label(labels, stated=stated.positive)
    weights = folder / "model.safetensors"
    facts: dict[str, Any] = {
        **pixels,
        "input": vit.INPUT,
        "output": vit.OUTPUT,
        "layout": "NCHW",
        "colour_order": "RGB",
        "output_kind": "logits",
        "labels": labels,
        "positive_label": positive,
        "licence": licence,
        "source": {"form": "timm", **_origin(config, weights=weights), **stated.source},
    }
    facts["preprocessing_version"] = preprocessing_version("timm", facts=facts)
    model = vit.build(network, tensors=_tensors(weights, network=network))
    return PublishedClassifier(model, facts, licence_text(folder))


def is_timm(config: Mapping[str, Any]) -> bool:
    """Whether ``config`` names one architecture; Hugging Face's own configurations name a list of them."""
    return "architecture" in config


def _origin(config: Mapping[str, Any], *, weights: Path) -> dict[str, str]:
    hub = (config.get("pretrained_cfg") or {}).get("hf_hub_id")
    return {
        "folder": weights.resolve().parent.name,
        "architecture": str(config["architecture"]),
        "model.safetensors sha256": _sha256(weights),
        **({"hub": str(hub)} if hub else {}),
    }


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise FormNotAccepted(str(path), found=error.strerror, accepted="a file that can be read") from error


def _labels(config: Mapping[str, Any], *, path: Path) -> list[str]:
    labels = config.get("label_names") or (config.get("pretrained_cfg") or {}).get("label_names")
    classes = config.get("num_classes")
    if not isinstance(labels, list) or not all(isinstance(each, str) for each in labels):
        raise FormNotAccepted(
            f"label_names in {path}", found=labels, accepted='a list in the output\'s order, such as ["NSFW", "SFW"]'
        )
    if classes is not None and classes != len(labels):
        raise FormNotAccepted(
            f"label_names in {path}", found=labels, accepted=f"{classes} of them, as num_classes says"
        )
    return labels


def _network(config: Mapping[str, Any], *, classes: int, path: Path) -> VisionTransformer:
    pool = config.get("global_pool", "token")
    if pool not in ("token", "avg"):
        raise FormNotAccepted(f"global_pool in {path}", found=pool, accepted="token or avg")
    unknown = set(config.get("model_args") or {}) - {"img_size", "num_classes", "global_pool"}
    if unknown:
        raise FormNotAccepted(
            f"model_args in {path}", found=sorted(unknown), accepted="img_size, num_classes, global_pool"
        )
    name = str(config.get("architecture"))
    network = VisionTransformer.named(name, classes=classes, pool=pool)
    if network is None:
        raise FormNotAccepted(f"architecture in {path}", found=name, accepted=ACCEPTED_NAMES)
    return network


def _pixels(settings: Mapping[str, Any], *, network: VisionTransformer, path: Path) -> dict[str, Any]:
    """Return the manifest's fields from ``size`` to ``std``, as timm's own evaluation prepares an image."""
    side, size = network.side, settings.get("input_size", [3, network.side, network.side])
    if list(size) != [3, side, side]:
        raise FormNotAccepted(
            f"input_size in {path}", found=size, accepted=f"[3, {side}, {side}], as the architecture says"
        )
    if settings.get("interpolation") not in _FILTERS:
        found = settings.get("interpolation")
        raise FormNotAccepted(f"interpolation in {path}", found=found, accepted=f"one of {', '.join(_FILTERS)}")
    for name in ("mean", "std"):
        if not isinstance(settings.get(name), list) or len(settings[name]) != 3:
            raise FormNotAccepted(f"{name} in {path}", found=settings.get(name), accepted="three numbers")
    return {
        "size": [side, side],
        **_resize(settings, side=side, path=path),
        "jpeg_round_trip": False,
        "draft": False,  # the publisher's own preprocessing decodes every pixel
        "scale": 1 / 255,
        "mean": settings["mean"],
        "std": settings["std"],
    }


def _resize(settings: Mapping[str, Any], *, side: int, path: Path) -> dict[str, Any]:
    """Resize the short side to the size over crop_pct, then crop the centre; "squash" ignores the aspect."""
    mode, share = settings.get("crop_mode", "center"), settings.get("crop_pct", 1.0)
    if mode not in ("center", "squash") or not isinstance(share, int | float) or not 0 < share <= 1:
        found = f"crop_mode {mode}, crop_pct {share}"
        raise FormNotAccepted(f"crop in {path}", found=found, accepted="crop_mode center or squash, crop_pct in (0, 1]")
    target, name = floor(side / share), settings["interpolation"]
    whole = {"mode": "short_side", "size": [target]} if mode == "center" else {"mode": "exact", "size": [target] * 2}
    return {"resize": {**whole, "filter": name}, "crop": [side, side]}


def _tensors(path: Path, *, network: VisionTransformer) -> dict[str, NDArray[np.float32]]:
    """Read the file's tensors after checking their names, shapes and types."""
    try:
        with safe_open(path, framework="numpy") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118  (not a dict)
            shapes = {name: tuple(each.get_shape()) for name, each in slices.items()}
            _check(shapes, kinds={name: each.get_dtype() for name, each in slices.items()}, network=network, path=path)
            return {name: file.get_tensor(name).astype(np.float32) for name in shapes}
    except (SafetensorError, OSError) as error:
        raise FormNotAccepted(str(path), found=str(error), accepted="a whole safetensors file") from error


def _check(
    shapes: Mapping[str, tuple[int, ...]], *, kinds: Mapping[str, str], network: VisionTransformer, path: Path
) -> None:
    if differences := network.differences(shapes):
        more = f" (and {len(differences) - 3} more)" if len(differences) > 3 else ""
        accepted = f"the {len(network.tensors())} tensors of a plain vision transformer: {network}"
        raise FormNotAccepted(str(path), found="; ".join(differences[:3]) + more, accepted=accepted)
    if odd := sorted({kind for kind in kinds.values() if kind not in _FLOATS}):
        raise FormNotAccepted(f"numbers in {path}", found=", ".join(odd), accepted=", ".join(_FLOATS))
