"""The graph of a small vision transformer gives the same results as plain numpy code."""

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from scipy.special import erf, softmax

from moderation.classifiers.conversion.vit import INPUT, OUTPUT, VisionTransformer, build
from moderation.classifiers.conversion.vit.architecture import Pool

Tensors = dict[str, Any]


def small(pool: Pool = "token") -> VisionTransformer:
    return VisionTransformer(side=12, patch=4, width=16, depth=2, heads=2, classes=3, pool=pool)


def random_tensors(network: VisionTransformer, *, seed: int = 5) -> Tensors:
    numbers = np.random.default_rng(seed)
    return {name: numbers.normal(scale=0.4, size=shape).astype(np.float32) for name, shape in network.tensors().items()}


def linear(x: Any, tensors: Tensors, name: str) -> Any:
    return x @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]


def norm(x: Any, tensors: Tensors, name: str) -> Any:
    centred = x - x.mean(-1, keepdims=True)
    unit = centred / np.sqrt(x.var(-1, keepdims=True) + 1e-6)
    return unit * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]


def attention(x: Any, tensors: Tensors, name: str, heads: int) -> Any:
    count, tokens, width = x.shape
    qkv = linear(x, tensors, f"{name}.qkv").reshape(count, tokens, 3, heads, width // heads).transpose(2, 0, 3, 1, 4)
    query, key, value = qkv
    weights = softmax(query @ key.swapaxes(-1, -2) / np.sqrt(width // heads), axis=-1)
    return linear((weights @ value).swapaxes(1, 2).reshape(x.shape), tensors, f"{name}.proj")


def forward(network: VisionTransformer, tensors: Tensors, images: Any) -> Any:
    tensors = {name: value.astype(np.float64) for name, value in tensors.items()}
    count, side, patch = len(images), network.side // network.patch, network.patch
    patches = images.reshape(count, 3, side, patch, side, patch).transpose(0, 2, 4, 1, 3, 5).reshape(count, side**2, -1)
    x = patches @ tensors["patch_embed.proj.weight"].reshape(network.width, -1).T + tensors["patch_embed.proj.bias"]
    x = np.concatenate([np.repeat(tensors["cls_token"], count, axis=0), x], axis=1) + tensors["pos_embed"]
    for index in range(network.depth):
        name = f"blocks.{index}"
        x = x + attention(norm(x, tensors, f"{name}.norm1"), tensors, f"{name}.attn", network.heads)
        wide = linear(norm(x, tensors, f"{name}.norm2"), tensors, f"{name}.mlp.fc1")
        x = x + linear(wide * (1 + erf(wide / np.sqrt(2))) / 2, tensors, f"{name}.mlp.fc2")
    pooled = x[:, 0] if network.pool == "token" else x[:, 1:].mean(axis=1)
    return linear(norm(pooled, tensors, network.last_norm), tensors, "head")


@pytest.mark.parametrize("pool", ["token", "avg"])
def test_the_graph_computes_a_vision_transformer(pool: Pool) -> None:
    network = small(pool)
    tensors = random_tensors(network)
    images = np.random.default_rng(1).uniform(-1, 1, (8, 3, 12, 12)).astype(np.float32)
    expected = forward(network, tensors, images)
    session = onnxruntime.InferenceSession(build(network, tensors=tensors))
    for batch in range(1, 9):
        assert session.run([OUTPUT], {INPUT: images[:batch]})[0] == pytest.approx(expected[:batch], abs=1e-4)


def test_it_is_one_file_with_a_dynamic_batch() -> None:
    network = small()
    model = onnx.load_model_from_string(build(network, tensors=random_tensors(network)))
    assert {entry.data_location for entry in model.graph.initializer} == {onnx.TensorProto.DEFAULT}
    batch, *rest = model.graph.input[0].type.tensor_type.shape.dim
    assert batch.dim_param == "batch"
    assert [each.dim_value for each in rest] == [3, 12, 12]


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("vit_tiny_patch16_384", (384, 16, 192, 12, 3, 577)),
        ("vit_small_patch32_224", (224, 32, 384, 12, 6, 50)),
        ("vit_base_patch16_224.augreg_in21k", (224, 16, 768, 12, 12, 197)),
        ("vit_large_patch16_384", (384, 16, 1024, 24, 16, 577)),
        ("deit_tiny_patch16_224", (224, 16, 192, 12, 3, 197)),
    ],
)
def test_the_sizes_follow_from_the_name(name: str, sizes: tuple[int, ...]) -> None:
    found = VisionTransformer.named(name, classes=2)
    assert found is not None
    assert (found.side, found.patch, found.width, found.depth, found.heads, found.tokens) == sizes


@pytest.mark.parametrize(
    "name", ["resnet50", "vit_base_patch16_clip_224", "vit_giant_patch14_224", "vit_tiny_patch16_100", "vit_tiny", ""]
)
def test_other_networks_are_not_recognised(name: str) -> None:
    assert VisionTransformer.named(name, classes=2) is None


def test_tensors_that_do_not_fit_are_named() -> None:
    network = small()
    shapes = dict(network.tensors())
    del shapes["norm.bias"]
    shapes |= {"head.weight": (5, 16), "blocks.0.ls1.gamma": (16,)}
    assert network.differences(shapes) == [
        "tensor norm.bias (16,) is missing",
        "tensor head.weight has shape (5, 16); accepted is (3, 16)",
        "tensor blocks.0.ls1.gamma (16,) has no place in it",
    ]
    assert network.differences(network.tensors()) == []
