"""Facts about graphs: counted by hand for a small network, compared with the literature for large ones."""

from pathlib import Path

import pytest

from moderation.classifiers.conversion import PublisherFacts, read_published
from moderation.classifiers.conversion.golden import add_golden_outputs
from moderation.classifiers.conversion.graph_facts import inspect_graph
from moderation.classifiers.conversion.vit import VisionTransformer
from moderation.classifiers.measuring import measure, thread_counts
from moderation.inference.embedded import open_nsfw
from tests.moderation.classifiers.publishing import publish_hugging_face, random_tensors, small
from tests.moderation.inference.tiny_onnx import write_red_classifier


def test_the_embedded_classifier() -> None:
    manifest, path = open_nsfw()
    found = inspect_graph(path.read_bytes(), manifest=manifest)
    assert (found.batch, found.input_size, found.operators["Conv"], found.uncounted) == ("dynamic", [224, 224], 53, 0)
    assert found.gflop == pytest.approx(2.137, abs=0.001)
    assert found.parameters == pytest.approx(5.9e6, rel=0.01)


def test_a_small_transformer_counted_by_hand(tmp_path: Path) -> None:
    """5 tokens of width 16, 4 patches of 16 x 16, one block with 2 heads, 2 classes."""
    published = read_published(publish_hugging_face(tmp_path / "hf"), stated=PublisherFacts())
    converted = add_golden_outputs(published, name="small")
    found = inspect_graph(converted.model, manifest=converted.manifest)
    patches, qkv, attention, projection, mlp, head = (
        4 * 16 * 3 * 16 * 16, 5 * 16 * 48, 2 * (5 * 5 * 16), 5 * 16 * 16, 2 * 5 * 16 * 64, 16 * 2,
    )  # fmt: skip
    assert found.gflop * 1e9 == 2 * (patches + qkv + attention + projection + mlp + head)
    numbers = sum(value.size for value in random_tensors(small()).values())
    assert numbers - 16 <= found.parameters < numbers + 100, "the class token is folded in, some constants are added"
    assert found.opsets[""] == 17


def test_the_published_figure_of_a_tiny_transformer() -> None:
    """timm's table of results states 5.5 million parameters for vit_tiny_patch16_384 with two classes."""
    network = VisionTransformer.named("vit_tiny_patch16_384", classes=2)
    assert network is not None
    sizes = random_tensors(network).values()
    assert sum(value.size for value in sizes) == pytest.approx(5.6e6, rel=0.01)


def test_speed_is_measured_for_every_batch_size_and_number_of_threads(tmp_path: Path) -> None:
    manifest, path = write_red_classifier(tmp_path)
    found = measure(path, manifest=manifest, batches=[1, 3])
    assert [(each.threads, each.batch) for each in found.speeds] == [
        (threads, batch) for threads in thread_counts() for batch in (1, 3)
    ]
    assert all(each.milliseconds > 0 for each in found.speeds)
    assert found.memory_mb > 0
