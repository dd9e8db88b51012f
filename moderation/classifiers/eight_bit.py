"""Make an eight-bit variant of a classifier, calibrated on the operator's own images, and say what it changes."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings

from moderation import routing
from moderation.classifiers.conversion import Published
from moderation.classifiers.conversion.golden import prove
from moderation.classifiers.conversion.quantizing import Method, WrongMethod, fitting_method, quantize
from moderation.classifiers.dry_run import Found, listed
from moderation.classifiers.errors import AdoptionRefused
from moderation.classifiers.importing import refuse_name, register
from moderation.decode_limits import decode_limits
from moderation.decoding.sandbox import DecodedFile, UInt8Array
from moderation.inference.classifier import ClassifierSession as Network
from moderation.inference.manifest import ClassifierFileError, Manifest
from moderation.inference.scorer import Scored, Scorer
from moderation.models import PolicyVersion

Probabilities = Mapping[str, float]

#: Pictures that ranges are taken from; more change nothing and cost time.
_MOST_PICTURES, _LEAST_PICTURES = 200, 10
#: Eight-bit arithmetic rounds differently from one kind of processor to the next.
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
    """What the quantized classifier says beside the original, on the calibration images.

    Attributes:
        mean, largest: absolute difference of the positive label's probability.
        flips: worst first, at the thresholds in force for the original; they are not the new one's thresholds.
    """

    method: Method
    images: int
    mean: float
    largest: float
    flips: Sequence[EightBitFlip]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def quantize_classifier(found: Found, *, calibrate: Path, name: str, method: Method | None = None) -> EightBitDrift:
    """Register a quantized variant under another name. It replaces nothing and rules nothing.

    Raises:
        AdoptionRefused: too few images, a method that does not fit, or a variant that gives no usable output.
        StorageFull: the file could not be written.
    """
    refuse_name(name)
    original = found.load()
    model, manifest = found.path.read_bytes(), found.manifest
    method = method or fitting_method(model)
    paths = list(listed([calibrate]))[:_MOST_PICTURES]
    views = _views(original, paths=paths, folder=calibrate)
    with tempfile.TemporaryDirectory(dir=settings.DATA_DIR, prefix="quantizing-") as folder:
        try:
            small = quantize(model, manifest=manifest, method=method, views=views, folder=Path(folder))
            # A dynamic range is that of the batch: scores move a little with the pictures they are computed with.
            proven = prove(
                Published(small, _facts(manifest, method=method, images=len(views))), name=name,
                narrowest=_NARROWEST, widest=_WIDEST, apart=_WIDEST if method == "dynamic" else _NARROWEST,
            )  # fmt: skip
        except (WrongMethod, ClassifierFileError) as error:
            raise AdoptionRefused(f"{error}. Nothing was registered.") from error
    drift = _drift([original, Network.unproven(small, manifest=proven.manifest)], paths=paths, method=method)
    register(proven, licence_text=str(found.provenance.get("licence_text", "")))
    return drift


def _facts(manifest: Manifest, *, method: Method, images: int) -> dict[str, Any]:
    """The original's manifest, with what was done to it; golden outputs are made anew."""
    facts = json.loads(manifest.to_json())
    for field in ("name", "file", "sha256", "golden"):
        del facts[field]
    done = {"quantized": f"{method}, calibrated on {images} images", "quantized_from": manifest.sha256}
    return {**facts, "source": {**facts["source"], **done}}


def _views(network: Network, *, paths: Sequence[Path], folder: Path) -> UInt8Array:
    with Scorer([network], limits=decode_limits()) as scorer:
        read = [each.views[0][:1] for each in scorer.sandbox.decode(paths) if isinstance(each, DecodedFile)]
    if len(read) < _LEAST_PICTURES:
        raise AdoptionRefused(
            f"{folder} holds {len(read)} images that can be read; {_LEAST_PICTURES} at least are needed, better "
            f"{_MOST_PICTURES}, such as your platform gets them."
        )
    return np.concatenate(read)


def _drift(networks: Sequence[Network], *, paths: Sequence[Path], method: Method) -> EightBitDrift:
    before, after = (network.manifest for network in networks)
    with Scorer(networks, limits=decode_limits()) as scorer:
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
    """The files whose two scores, before and after, take different routes where the classifier is in force."""
    versions = PolicyVersion.objects.root().in_force().filter(classifier__sha256=sha256).select_related("policy")
    flips = []
    for version in versions:
        for path, *values in pairs:
            old, new = (version.combine(dict(each)) for each in values)
            one, other = (routing.region(score, low=version.low, high=version.high) for score in (old, new))
            if one != other:
                flips.append(EightBitFlip(str(path), version.policy.slug, old, new, (str(one), str(other))))
    return sorted(flips, key=lambda flip: -abs(flip.after - flip.before))
