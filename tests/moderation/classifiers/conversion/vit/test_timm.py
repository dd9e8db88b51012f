"""The graph built from tensors gives the same logits as timm itself. Needs requirements-torch.txt."""

import importlib
import sys
from collections.abc import Iterable, Iterator
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import numpy as np
import onnxruntime
import pytest

from moderation.classifiers.conversion.vit import INPUT, Pool, VisionTransformer, build

pytestmark = pytest.mark.slow


class _Anything(ModuleType):
    """A module that has an empty class for every name, and every submodule."""

    __path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "InterpolationMode":  # without it timm uses Pillow's filters
            raise AttributeError(name)
        return type(name, (), {})


class _StandIn(MetaPathFinder, Loader):
    """Stands in for torchvision, which timm imports for transforms that no network needs."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if fullname.partition(".")[0] != "torchvision":
            return None
        return ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Anything(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Execute nothing."""


@pytest.fixture(scope="module")
def timm() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "meta_path", [*sys.meta_path, _StandIn()])
        yield importlib.import_module("timm")


@pytest.mark.parametrize(
    ("name", "pool", "batches"),
    [
        ("vit_tiny_patch16_384", "token", range(1, 9)),
        ("vit_tiny_patch16_224", "avg", [4]),
        ("vit_small_patch32_224", "token", [4]),
        ("vit_base_patch16_224", "token", [4]),
        ("deit_tiny_patch16_224", "token", [4]),
    ],
)
def test_logits_are_those_of_timm(name: str, pool: Pool, batches: Iterable[int], timm: Any) -> None:
    torch = importlib.import_module("torch")
    torch.manual_seed(7)
    theirs = timm.create_model(name, pretrained=False, num_classes=2, global_pool=pool).eval()
    # A new network has a head of nearly 0 and biases of 0. Random numbers in all of them make the test stricter.
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    network = VisionTransformer.named(name, classes=2, pool=pool)
    assert network is not None
    tensors = {key: value.numpy() for key, value in theirs.state_dict().items()}
    assert network.differences({key: value.shape for key, value in tensors.items()}) == []
    session = onnxruntime.InferenceSession(build(network, tensors=tensors))

    images = np.random.default_rng(3).uniform(-1, 1, (20, 3, network.side, network.side)).astype(np.float32)
    with torch.no_grad():
        expected = theirs(torch.from_numpy(images)).numpy()
    assert np.ptp(expected, axis=0).min() > 1e-3, "images with equal logits would make this test meaningless"
    for batch in batches:
        parts = [session.run(None, {INPUT: images[at : at + batch]})[0] for at in range(0, len(images), batch)]
        assert np.concatenate(parts) == pytest.approx(expected, abs=1e-4)
