"""Fixtures without a database; each module has one set of decode processes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from moderation.decoding.images import DecodeLimits
from moderation.decoding.preprocessing import Preprocessing, Resize
from moderation.decoding.process import DecoderChild
from moderation.decoding.sandbox import Sandbox
from moderation.inference.classifier import ClassifierSession
from moderation.inference.scorer import Scorer
from tests.moderation.inference.tiny_onnx import write_red_classifier


@pytest.fixture(scope="module")
def red(tmp_path_factory: pytest.TempPathFactory) -> ClassifierSession:
    manifest, path = write_red_classifier(tmp_path_factory.mktemp("red"))
    return ClassifierSession.load(path, manifest)


@pytest.fixture(scope="module")
def scorer(red: ClassifierSession) -> Iterator[Scorer]:
    with Scorer([red]) as scorer:
        yield scorer


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    small = Preprocessing("small", Resize("exact", (8, 8), "bilinear"), None, False, False)
    # A long limit, because files are late on a busy machine.
    with Sandbox(limits=DecodeLimits(seconds=60.0), preprocessings=[small]) as sandbox:
        yield sandbox


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[DecoderChild]:
    """The real children that a test starts, so that it can count or kill them."""
    children: list[DecoderChild] = []
    start = Sandbox._start

    def remembered(sandbox: Sandbox) -> DecoderChild:
        children.append(start(sandbox))
        return children[-1]

    monkeypatch.setattr(Sandbox, "_start", remembered)
    return children


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path
