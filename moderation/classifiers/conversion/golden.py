"""Complete a published classifier's manifest with golden outputs, and measure which mistakes they would notice.

A swapped positive label, a swapped colour order or a wrong normalisation still gives scores, only wrong ones.
The scores of sample images are therefore computed once: a person checks them, and every later start must repeat them.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from moderation.classifiers.conversion import PublishedClassifier
from moderation.classifiers.conversion.sample_images import sample_images
from moderation.inference.classifier import ClassifierSession, golden_views
from moderation.inference.manifest import ClassifierFileError, Golden, Manifest, ResizeRule
from moderation.inference.tensors import Float32Array, ModelOutputError

#: Golden tolerance: the narrowest that rounding on other processors (about 1e-5) allows, and the widest.
NARROWEST, WIDEST = 0.0003, 0.002
#: The largest batch that must give the same probabilities as single images, and the accepted difference.
_BATCH, BATCH_TOLERANCE = 8, 1e-4

#: The probability of each label.
Probabilities = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class ConvertedClassifier:
    """A classifier in the form that is registered: it reproduces the golden outputs of its manifest.

    Attributes:
        model: the bytes of the ONNX file.
        samples: the probabilities of each sample image, by the image's name.
        misreadings: by how much each misreading of the manifest moves a golden probability at most.
    """

    manifest: Manifest
    model: bytes
    samples: Mapping[str, Probabilities]
    misreadings: Mapping[str, float]

    @property
    def unnoticed(self) -> list[str]:
        """The misreadings that the golden outputs would not notice."""
        tolerance = min(golden.tolerance for golden in self.manifest.golden)
        return [name for name, moved in self.misreadings.items() if moved <= tolerance]


def add_golden_outputs(
    published: PublishedClassifier,
    *,
    name: str,
    narrowest: float = NARROWEST,
    widest: float = WIDEST,
    batch_tolerance: float = BATCH_TOLERANCE,
) -> ConvertedClassifier:
    """Complete the manifest. Golden outputs that the publisher states are kept, and must be reproduced.

    Args:
        published: the classifier as it was read.
        name: its name in this installation.
        narrowest: the lower limit of the golden tolerance, which is narrowed until every misreading is noticed.
        widest: the golden tolerance where every misreading is noticed anyway.
        batch_tolerance: by how much an image's probabilities may depend on the other images of its batch.

    Raises:
        ManifestError: the facts do not make a manifest.
        ClassifierFileError: the graph does not fit the manifest or gives no usable output.
        GoldenMismatch: it does not reproduce the golden outputs that its publisher states.
    """
    sha256 = hashlib.sha256(published.model).hexdigest()
    images = sample_images()
    facts = {**published.facts, "name": name, "file": f"{sha256}.onnx", "sha256": sha256}
    manifest = Manifest.from_json({"golden": _placeholders(published), **facts})
    classifier = ClassifierSession.unverified(published.model, manifest=manifest)
    samples = {each: _probabilities(classifier, image=image) for each, image in images.items()}
    if "golden" not in published.facts:
        golden = (_golden(images[each], found, manifest, widest) for each, found in samples.items())
        manifest = manifest.model_copy(update={"golden": tuple(golden)})
    classifier = ClassifierSession.unverified(published.model, manifest=manifest)
    classifier.check_golden()
    _check_batches(classifier, accepted=batch_tolerance)
    misreadings = measure_misreadings(classifier, model=published.model)
    if "golden" not in published.facts:
        tolerance = max(narrowest, min(widest, *(moved / 2 for moved in misreadings.values())))
        golden = (each.model_copy(update={"tolerance": tolerance}) for each in manifest.golden)
        manifest = manifest.model_copy(update={"golden": tuple(golden)})
    return ConvertedClassifier(manifest, published.model, samples, misreadings)


def measure_misreadings(classifier: ClassifierSession, *, model: bytes) -> dict[str, float]:
    """Return by how much each misreading of the manifest moves the positive label's golden probability, at most.

    The golden outputs do not notice a misreading that moves it by less than their tolerance.
    """
    manifest = classifier.manifest
    column = manifest.labels.index(manifest.positive_label)
    right = _golden_table(classifier)[:, column]
    found = {}
    for name, wrong in _misread_manifests(manifest):
        try:
            table = _golden_table(ClassifierSession.unverified(model, manifest=wrong))
        except ModelOutputError:
            found[name] = 1.0  # no probabilities at all: the easiest mistake to notice
        else:
            found[name] = float(np.abs(table[:, wrong.labels.index(manifest.positive_label)] - right).max())
    return found


def _misread_manifests(manifest: Manifest) -> Iterator[tuple[str, Manifest]]:
    scale = 1 / 255 if manifest.scale == 1 else 1.0
    size, resize, crop = manifest.preprocessing.size, manifest.resize, None
    if resize.mode == "exact":
        resize, crop = ResizeRule(mode="short_side", size=(max(size),), filter=resize.filter), size
    else:
        resize = ResizeRule(mode="exact", size=size, filter=resize.filter)
    changes: dict[str, dict[str, object]] = {
        "labels in another order": {"labels": (*manifest.labels[1:], manifest.labels[0])},
        "colour order swapped": {"colour_order": "BGR" if manifest.colour_order == "RGB" else "RGB"},
        "no normalisation": {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0), "scale": scale},
        "another resize": {"resize": resize, "crop": crop},
    }
    for name, change in changes.items():
        yield name, manifest.model_copy(update=change)


def _golden_table(classifier: ClassifierSession) -> Float32Array:
    manifest = classifier.manifest
    return classifier.predict(np.concatenate([golden_views(each, manifest=manifest) for each in manifest.golden]))


def _placeholders(published: PublishedClassifier) -> Sequence[object]:
    """Golden outputs of the right form with invented values, which are replaced before anything is compared."""
    image = base64.b64encode(next(iter(sample_images().values()))).decode()
    labels = published.facts.get("labels")
    expected = dict.fromkeys(labels, 0.0) if isinstance(labels, list) else {}
    return [{"image": image, "expected": expected, "positive": 0.0, "tolerance": 0.0}]


def _probabilities(classifier: ClassifierSession, *, image: bytes) -> dict[str, float]:
    golden = Golden(image=image, expected={}, positive=0.0, tolerance=0.0)
    try:
        (row,) = classifier.predict(golden_views(golden, manifest=classifier.manifest))
    except ModelOutputError as error:
        raise ClassifierFileError(f"{classifier.manifest.name} gives no usable output: {error}") from error
    return dict(zip(classifier.manifest.labels, (round(value, 6) for value in row.tolist()), strict=True))


def _golden(image: bytes, found: Probabilities, manifest: Manifest, tolerance: float) -> Golden:
    positive = found[manifest.positive_label]
    return Golden(image=image, expected=dict(found), positive=positive, tolerance=tolerance)


def _check_batches(classifier: ClassifierSession, *, accepted: float) -> None:
    """Raise ClassifierFileError for a graph that accepts one batch size only, or that mixes the images of a batch."""
    name = classifier.manifest.name
    views = np.concatenate([golden_views(each, manifest=classifier.manifest) for each in classifier.manifest.golden])
    views = views[np.arange(_BATCH) % len(views)]
    try:
        apart = float(np.abs(classifier.predict(views, batch=_BATCH) - classifier.predict(views, batch=1)).max())
    except ModelOutputError as error:
        raise ClassifierFileError(f"{name} does not run with a batch of {_BATCH}: {error}") from error
    if apart > accepted:
        raise ClassifierFileError(
            f"{name}: a batch of {_BATCH} gives other probabilities than single images, by {apart:g}; at most "
            f"{accepted:g} is accepted. Export it with a dynamic batch axis"
        )
