"""Builders of published folders, with random weights of real, small architectures."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from moderation.classifiers.conversion.vit import VisionTransformer, build

SIDE = 64
TIMM_CONFIG = {
    "architecture": "vit_tiny_patch32_64",
    "num_classes": 2,
    "num_features": 192,
    "global_pool": "token",
    "label_names": ["NSFW", "SFW"],
    "pretrained_cfg": {
        "input_size": [3, SIDE, SIDE],
        "interpolation": "bicubic",
        "crop_pct": 1.0,
        "crop_mode": "center",
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
        "license": "apache-2.0",
    },
}
HF_CONFIG = {
    "architectures": ["ViTForImageClassification"],
    "model_type": "vit",
    "id2label": {"0": "normal", "1": "nsfw"},
}
HF_PREPROCESSING = {
    "do_resize": True,
    "size": {"height": 32, "width": 32},
    "resample": 2,
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.25, 0.25, 0.25],
    "image_processor_type": "ViTImageProcessor",
}


def network(name: str = "vit_tiny_patch32_64") -> VisionTransformer:
    found = VisionTransformer.named(name, classes=2)
    assert found is not None
    return found


def small(classes: int = 2) -> VisionTransformer:
    return VisionTransformer(side=32, patch=16, width=16, depth=1, heads=2, classes=classes)


def random_tensors(sizes: VisionTransformer, *, seed: int = 1, scale: float = 0.3) -> dict[str, Any]:
    numbers = np.random.default_rng(seed)
    return {name: numbers.normal(scale=scale, size=shape).astype("f4") for name, shape in sizes.tensors().items()}


def publish_timm(folder: Path, *, tensors: dict[str, Any] | None = None, **changes: Any) -> Path:
    """Write a timm folder; ``pretrained_cfg`` replaces only the fields that it names, and None removes a field."""
    folder.mkdir(exist_ok=True)
    inner = {**TIMM_CONFIG["pretrained_cfg"], **changes.pop("pretrained_cfg", {})}  # type: ignore[dict-item]
    config = {**TIMM_CONFIG, "pretrained_cfg": _without_none(inner), **changes}
    (folder / "config.json").write_text(json.dumps(_without_none(config)))
    save_file(tensors or random_tensors(network(), scale=0.1), folder / "model.safetensors")
    return folder


def publish_hugging_face(
    folder: Path, *, config: Any = None, preprocessing: Any = None, card: str = "apache-2.0"
) -> Path:
    """Write a Hugging Face folder with its ONNX file one level below, as their exporter does."""
    (folder / "onnx").mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(_without_none({**HF_CONFIG, **(config or {})})))
    (folder / "preprocessor_config.json").write_text(json.dumps({**HF_PREPROCESSING, **(preprocessing or {})}))
    if card:
        (folder / "README.md").write_text(f"---\ntags:\n- x\nlicense: {card}\n---\n# A classifier\nlicense: no\n")
    (folder / "onnx" / "model.onnx").write_bytes(build(small(), tensors=random_tensors(small())))
    return folder


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
