"""A published classifier -> a manifest with golden outputs, and what these would notice.

A swapped positive label, a swapped colour order or a wrong normalisation still gives scores, only wrong ones.
So the scores of sample pictures are made once, to be looked at by a person and to be held to ever after.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from moderation.classifiers.conversion import Published
from moderation.classifiers.conversion.sample_images import sample_pictures
from moderation.inference.classifier import ClassifierSession, golden_views
from moderation.inference.manifest import ClassifierFileError, Golden, Manifest
from moderation.inference.tensors import Float32Array, ModelOutputError

#: Golden tolerance: the narrowest that rounding on other processors (1e-5 or so) allows, and the widest.
NARROWEST, WIDEST = 0.0003, 0.002
#: The largest batch that has to give what single pictures give, and how nearly.
_BATCH, APART = 8, 1e-4

#: Label -> probability.
Probabilities = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Proven:
    """A classifier with golden outputs that it gives.

    Attributes:
        samples: what it says of each sample picture, by the picture's name.
        noticed: by how much each wrong reading moves a golden probability at most, by the reading's name.
    """

    manifest: Manifest
    model: bytes
    samples: Mapping[str, Probabilities]
    noticed: Mapping[str, float]

    @property
    def unnoticed(self) -> list[str]:
        """The wrong readings that the golden outputs would let pass."""
        tolerance = min(golden.tolerance for golden in self.manifest.golden)
        return [name for name, moved in self.noticed.items() if moved <= tolerance]


def prove(
    published: Published, *, name: str, narrowest: float = NARROWEST, widest: float = WIDEST, apart: float = APART
) -> Proven:
    """Complete a manifest. Golden outputs that the publisher states are kept, and have to be met.

    Args:
        published: what was read.
        name: what it will be called here.
        narrowest: the golden tolerance goes down to this, so that every wrong reading is noticed.
        widest: the golden tolerance where they all are noticed anyhow.
        apart: by how much a picture's probabilities may depend on the pictures it is computed with.

    Raises:
        ManifestError: the facts do not make a manifest.
        ClassifierFileError: the graph does not fit the manifest or gives no usable output.
        GoldenMismatch: it does not give the golden outputs that its publisher states.
    """
    sha256 = hashlib.sha256(published.model).hexdigest()
    pictures = sample_pictures()
    facts = {**published.facts, "name": name, "file": f"{sha256}.onnx", "sha256": sha256}
    manifest = Manifest.from_json({"golden": _placeholders(published), **facts})
    classifier = ClassifierSession.unproven(published.model, manifest=manifest)
    samples = {each: _says(classifier, picture=picture) for each, picture in pictures.items()}
    if "golden" not in published.facts:
        golden = (_golden(pictures[each], says, manifest, widest) for each, says in samples.items())
        manifest = replace(manifest, golden=tuple(golden))
    classifier = ClassifierSession.unproven(published.model, manifest=manifest)
    classifier.check_golden()
    _check_batches(classifier, accepted=apart)
    noticed = what_is_noticed(classifier, model=published.model)
    if "golden" not in published.facts:
        tolerance = max(narrowest, min(widest, *(moved / 2 for moved in noticed.values())))
        manifest = replace(manifest, golden=tuple(replace(each, tolerance=tolerance) for each in manifest.golden))
    return Proven(manifest, published.model, samples, noticed)


def what_is_noticed(classifier: ClassifierSession, *, model: bytes) -> dict[str, float]:
    """By how much each wrong reading of the manifest moves the positive label's golden probability, at most.

    A reading that moves it by less than the golden tolerance would go unnoticed.
    """
    manifest = classifier.manifest
    column = manifest.labels.index(manifest.positive_label)
    right = _golden_table(classifier)[:, column]
    found = {}
    for name, wrong in _wrong_readings(manifest):
        try:
            table = _golden_table(ClassifierSession.unproven(model, manifest=wrong))
        except ModelOutputError:
            found[name] = 1.0  # it gives no probabilities at all: nothing is noticed sooner
        else:
            found[name] = float(np.abs(table[:, wrong.labels.index(manifest.positive_label)] - right).max())
    return found


def _wrong_readings(manifest: Manifest) -> Iterator[tuple[str, Manifest]]:
    rule = manifest.preprocessing
    scale = 1 / 255 if manifest.scale == 1 else 1.0
    if rule.resize.mode == "exact":
        other = replace(rule, resize=replace(rule.resize, mode="short_side", size=(max(rule.size),)), crop=rule.size)
    else:
        other = replace(rule, resize=replace(rule.resize, mode="exact", size=rule.size), crop=None)
    yield "labels in another order", replace(manifest, labels=(*manifest.labels[1:], manifest.labels[0]))
    yield "colour order swapped", replace(manifest, colour_order="BGR" if manifest.colour_order == "RGB" else "RGB")
    yield "no normalisation", replace(manifest, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), scale=scale)
    yield "another resize", replace(manifest, preprocessing=other)


def _golden_table(classifier: ClassifierSession) -> Float32Array:
    manifest = classifier.manifest
    return classifier.predict(np.concatenate([golden_views(each, manifest=manifest) for each in manifest.golden]))


def _placeholders(published: Published) -> Sequence[object]:
    """Golden outputs of the right form and of no truth: they are replaced before anybody is held to them."""
    image = base64.b64encode(next(iter(sample_pictures().values()))).decode()
    labels = published.facts.get("labels")
    expected = dict.fromkeys(labels, 0.0) if isinstance(labels, list) else {}
    return [{"image": image, "expected": expected, "positive": 0.0, "tolerance": 0.0}]


def _says(classifier: ClassifierSession, *, picture: bytes) -> dict[str, float]:
    views = golden_views(Golden(picture, {}, 0.0, 0.0), manifest=classifier.manifest)
    try:
        (row,) = classifier.predict(views)
    except ModelOutputError as error:
        raise ClassifierFileError(f"{classifier.manifest.name} gives no usable output: {error}") from error
    return dict(zip(classifier.manifest.labels, (round(value, 6) for value in row.tolist()), strict=True))


def _golden(picture: bytes, says: Probabilities, manifest: Manifest, tolerance: float) -> Golden:
    return Golden(picture, says, says[manifest.positive_label], tolerance)


def _check_batches(classifier: ClassifierSession, *, accepted: float) -> None:
    """Raise ClassifierFileError for a graph that accepts one batch only, or that mixes the pictures of a batch."""
    name = classifier.manifest.name
    views = np.concatenate([golden_views(each, manifest=classifier.manifest) for each in classifier.manifest.golden])
    views = views[np.arange(_BATCH) % len(views)]
    try:
        apart = float(np.abs(classifier.predict(views, batch=_BATCH) - classifier.predict(views, batch=1)).max())
    except ModelOutputError as error:
        raise ClassifierFileError(f"{name} does not run with a batch of {_BATCH}: {error}") from error
    if apart > accepted:
        raise ClassifierFileError(
            f"{name}: a batch of {_BATCH} gives other probabilities than single pictures, by {apart:g}; at most "
            f"{accepted:g} is accepted. Export it with a dynamic batch axis"
        )
