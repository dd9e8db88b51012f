"""Make an eight-bit variant of a classifier, calibrated on the operator's images, and measure how scores change."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings

from moderation import routing
from moderation.classifiers.conversion import PublishedClassifier
from moderation.classifiers.conversion.golden import add_golden_outputs
from moderation.classifiers.conversion.quantizing import Method, WrongMethod, fitting_method, quantize
from moderation.classifiers.dry_run import ClassifierFile, expand_folders
from moderation.classifiers.errors import AdoptionRefused
from moderation.classifiers.importing import check_new_name, register
from moderation.decode_limits import decode_limits
from moderation.decoding.sandbox import DecodedFile, UInt8Array
from moderation.inference.classifier import ClassifierSession
from moderation.inference.manifest import ClassifierFileError, Manifest
from moderation.inference.scorer import Scored, Scorer
from moderation.models import PolicyVersion

Probabilities = Mapping[str, float]

#: Number of images that ranges are computed from. More than the most change nothing and cost time.
_MOST_IMAGES, _LEAST_IMAGES = 200, 10
#: Golden tolerances. Eight-bit arithmetic rounds differently on different kinds of processors.
_NARROWEST, _WIDEST = 0.01, 0.02
_WORST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class EightBitFlip:
    """An upload that would take another route, with the combined score before and after."""

    file: str
    policy: str
    before: float
    after: float
    routes: tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class EightBitDrift:
    """How the quantized classifier's scores differ from the original's on the calibration images.

    Attributes:
        images: number of images that were compared.
        mean, largest: absolute difference of the positive label's probability.
        flips: changes of route at the thresholds in force for the original, worst first. The quantized classifier
            needs thresholds of its own.
    """

    method: Method
    images: int
    mean: float
    largest: float
    flips: Sequence[EightBitFlip]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def quantize_classifier(
    source: ClassifierFile, *, calibrate: Path, name: str, method: Method | None = None
) -> EightBitDrift:
    """Register a quantized variant under another name. It replaces nothing, and no policy uses it.

    Raises:
        AdoptionRefused: the name is taken, too few images, a method that does not fit, or no usable output.
        StorageFull: the file could not be written.
    """
    check_new_name(name)
    original = source.load()
    model, manifest = source.path.read_bytes(), source.manifest
    method = method or fitting_method(model)
    paths = list(expand_folders([calibrate]))[:_MOST_IMAGES]
    views = _views(original, paths=paths, folder=calibrate)
    with tempfile.TemporaryDirectory(dir=settings.DATA_DIR, prefix="quantizing-") as folder:
        try:
            small = quantize(model, manifest=manifest, method=method, views=views, folder=Path(folder))
            published = PublishedClassifier(small, _facts(manifest, method=method, images=len(views)))
            # Dynamic ranges are computed for each batch, so scores depend a little on the other images in it.
            batch_tolerance = _WIDEST if method == "dynamic" else _NARROWEST
            converted = add_golden_outputs(
                published, name=name, narrowest=_NARROWEST, widest=_WIDEST, batch_tolerance=batch_tolerance
            )
        except (WrongMethod, ClassifierFileError) as error:
            raise AdoptionRefused(f"{error}. Nothing was registered.") from error
    variant = ClassifierSession.unverified(small, manifest=converted.manifest)
    drift = _drift([original, variant], paths=paths, method=method)
    register(converted, licence_text=str(source.provenance.get("licence_text", "")))
    return drift


def _facts(manifest: Manifest, *, method: Method, images: int) -> dict[str, Any]:
    """Return the facts of the original's manifest with the quantization in ``source``, without golden outputs."""
    facts = json.loads(manifest.to_json())
    for field in ("name", "file", "sha256", "golden"):
        del facts[field]
    quantized = {"quantized": f"{method}, calibrated on {images} images", "quantized_from": manifest.sha256}
    return {**facts, "source": {**facts["source"], **quantized}}


def _views(session: ClassifierSession, *, paths: Sequence[Path], folder: Path) -> UInt8Array:
    """Return the first view of each file that can be read, or refuse when there are too few."""
    with Scorer([session], limits=decode_limits()) as scorer:
        views = [each.views[0][:1] for each in scorer.sandbox.decode(paths) if isinstance(each, DecodedFile)]
    if len(views) < _LEAST_IMAGES:
        raise AdoptionRefused(
            f"{folder} holds {len(views)} images that can be read. Nothing was registered. Give at least "
            f"{_LEAST_IMAGES} images like your platform's uploads, better {_MOST_IMAGES}."
        )
    return np.concatenate(views)


def _drift(sessions: Sequence[ClassifierSession], *, paths: Sequence[Path], method: Method) -> EightBitDrift:
    before, after = (session.manifest for session in sessions)
    with Scorer(sessions, limits=decode_limits()) as scorer:
        scored = [each for each in scorer.score(paths) if isinstance(each, Scored)]
    pairs = [(each.path, _values(each, before), _values(each, after)) for each in scored]
    moved = [abs(old[before.positive_label] - new[before.positive_label]) for _, old, new in pairs]
    flips = route_flips(pairs, sha256=before.sha256)
    return EightBitDrift(
        method=method, images=len(pairs), mean=float(np.mean(moved)), largest=float(max(moved)),
        flips=flips[:_WORST_SHOWN],
    )  # fmt: skip


def _values(scored: Scored, manifest: Manifest) -> dict[str, float]:
    return {label: score.value for label, score in scored.scores[manifest.key].items()}


def route_flips(pairs: Sequence[tuple[Path, Probabilities, Probabilities]], *, sha256: str) -> list[EightBitFlip]:
    """Return the files whose scores before and after take different routes, for each policy of the classifier."""
    versions = PolicyVersion.objects.root().in_force().filter(classifier__sha256=sha256).select_related("policy")
    flips = []
    for version in versions:
        for path, *values in pairs:
            old, new = (version.combine(dict(each)) for each in values)
            one, other = (routing.region(score, low=version.low, high=version.high) for score in (old, new))
            if one != other:
                flips.append(EightBitFlip(str(path), version.policy.slug, old, new, (str(one), str(other))))
    return sorted(flips, key=lambda flip: -abs(flip.after - flip.before))
