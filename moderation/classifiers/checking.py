"""Check a classifier before its adoption, on this machine and with the operator's own images."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings

from moderation.classifiers.conversion.golden import measure_misreadings
from moderation.classifiers.conversion.graph_facts import inspect_graph
from moderation.classifiers.conversion.licences import commercial_use
from moderation.classifiers.dry_run import ClassifierFile, dry_run
from moderation.classifiers.errors import AdoptionRefused
from moderation.classifiers.labelled_csv import read_labelled
from moderation.classifiers.measuring import BATCHES, measure
from moderation.inference.classifier import ClassifierSession, golden_views
from moderation.statistics.accuracy import assess

THRESHOLDS = [step / 20 for step in range(1, 20)]
#: One point of accuracy: a claim counts as reproduced within one point, or within two.
_POINT = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOptions:
    """The operator's part of a check.

    Attributes:
        labelled: CSV file of labelled images.
        prevalence: share of violating uploads on the operator's platform.
        claimed_accuracy: the accuracy that the publisher claims, in (0, 1).
        batches: batch sizes to measure.
    """

    labelled: Path | None = None
    prevalence: float = 0.01
    claimed_accuracy: float | None = None
    batches: Sequence[int] = BATCHES


def check_classifier(classifier: ClassifierFile, *, options: CheckOptions) -> dict[str, Any]:
    """Return the content of the report as one JSON object.

    Raises:
        AdoptionRefused: an option is out of range, the classifier's file is not the registered one, or the CSV file
            is wrong.
    """
    _check_shares(options)
    manifest = classifier.manifest
    labelled = assess_labelled(classifier, options=options) if options.labelled else None
    session = classifier.load()
    model = classifier.path.read_bytes()
    measured = measure(
        classifier.path, manifest=manifest, batches=options.batches, provider=settings.EXECUTION_PROVIDER
    )
    return {
        "name": manifest.name,
        "sha256": manifest.sha256,
        "licence": _licence(classifier),
        "provenance": {name: value for name, value in classifier.provenance.items() if name != "licence_text"},
        "labels": list(manifest.labels),
        "positive_label": manifest.positive_label,
        "preprocessing_version": manifest.preprocessing_version,
        "graph": asdict(inspect_graph(model, manifest=manifest)),
        "golden": _golden(session, model=model),
        "machine": _machine(session),
        "speeds": [asdict(speed) for speed in measured.speeds],
        "memory_mb": round(measured.memory_mb, 1),
        "labelled": labelled,
        "claim": compare_claim(options.claimed_accuracy, measured=labelled),
    }


def assess_labelled(classifier: ClassifierFile, *, options: CheckOptions) -> dict[str, Any]:
    """Score the labelled images and assess the scores. Images that cannot be read are counted and left out.

    Raises:
        AdoptionRefused: the CSV file is wrong, or too few of its images could be read.
    """
    manifest, path = classifier.manifest, options.labelled
    assert path is not None
    rows = read_labelled(path, labels=manifest.labels, positive=manifest.positive_label)
    results = dry_run(classifier, paths=[row.path for row in rows])
    scored = [
        (result.scores[manifest.positive_label], row.violating)
        for result, row in zip(results, rows, strict=True)
        if result.scores is not None
    ]
    scores = [score for score, _ in scored]
    truth = [violating for _, violating in scored]
    try:
        accuracy = assess(scores, violating=truth, prevalence=options.prevalence, thresholds=THRESHOLDS)
    except ValueError as error:
        raise AdoptionRefused(f"{path}: {error} among the images that could be read.") from error
    return {"unread": len(rows) - len(scored), **asdict(accuracy)}


def compare_claim(claimed: float | None, *, measured: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Compare the claimed accuracy with the measured one; None where nothing is claimed."""
    if claimed is None:
        return None
    if measured is None:
        return {"accuracy": claimed, "verdict": "not checked: give a labelled CSV file with --labelled"}
    off = abs(measured["accuracy"]["value"] - claimed)
    verdicts = ((_POINT, "reproduced within 1 point"), (2 * _POINT, "reproduced within 2 points"))
    verdict = next((text for limit, text in verdicts if off <= limit + 1e-9), "not reproduced within 2 points")
    return {"accuracy": claimed, "off_by": round(off, 6), "verdict": verdict}


def _check_shares(options: CheckOptions) -> None:
    for name, value in (("--prevalence", options.prevalence), ("--claimed-accuracy", options.claimed_accuracy)):
        if value is not None and not 0 < value < 1:
            raise AdoptionRefused(
                f"{name} {value:g} is not accepted. Give a share between 0 and 1, such as 0.01 for 1 %."
            )


def _licence(classifier: ClassifierFile) -> dict[str, Any]:
    licence = classifier.manifest.licence
    use = commercial_use(licence)
    text = str(classifier.provenance.get("licence_text", ""))
    return {"name": licence, "commercial_use": use.permitted, "why": use.why, "text": text}


def _golden(session: ClassifierSession, *, model: bytes) -> dict[str, Any]:
    manifest = session.manifest
    views = np.concatenate([golden_views(each, manifest=manifest) for each in manifest.golden])
    expected = np.array([[each.expected[label] for label in manifest.labels] for each in manifest.golden])
    tolerance = min(each.tolerance for each in manifest.golden)
    misreadings = measure_misreadings(session, model=model)
    return {
        "inputs": len(manifest.golden),
        "largest_difference": round(float(np.abs(session.predict(views) - expected).max()), 8),
        "tolerance": tolerance,
        "wrong_readings": [
            {"reading": name, "moves": round(by, 6), "noticed": by > tolerance} for name, by in misreadings.items()
        ],
    }


def _machine(session: ClassifierSession) -> dict[str, str]:
    return {
        "processor": platform.machine(),
        "system": platform.system(),
        "runtime": session.runtime,
        "python": platform.python_version(),
    }
