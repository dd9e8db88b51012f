"""What one must ask before adopting a classifier, answered on this machine and with the operator's own images."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings

from moderation.classifiers.conversion.golden import what_is_noticed
from moderation.classifiers.conversion.graph_facts import inspect_graph
from moderation.classifiers.conversion.licences import commercial_use
from moderation.classifiers.dry_run import Found, try_on
from moderation.classifiers.errors import AdoptionRefused
from moderation.classifiers.labelled_csv import read_labelled
from moderation.classifiers.measuring import BATCHES, measure
from moderation.inference.classifier import ClassifierSession as Network
from moderation.inference.classifier import golden_views
from moderation.statistics.accuracy import assess

THRESHOLDS = [step / 20 for step in range(1, 20)]
#: Within so much of a claimed accuracy it counts as reproduced; up to twice as much, nearly.
_REPRODUCED = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the operator adds to the classifier: labelled images, their platform's prevalence, the claim."""

    labelled: Path | None = None
    prevalence: float = 0.01
    claimed_accuracy: float | None = None
    batches: Sequence[int] = BATCHES


def check(found: Found, *, question: Question) -> dict[str, Any]:
    """Answer everything as one JSON object, the report's content.

    Raises:
        AdoptionRefused: the classifier's file is not the registered one, or the CSV file is wrong.
    """
    _refuse(question)
    manifest = found.manifest
    labelled = assess_labelled(found, question=question) if question.labelled else None
    network = found.load()
    model = found.path.read_bytes()
    measured = measure(found.path, manifest=manifest, batches=question.batches, provider=settings.EXECUTION_PROVIDER)
    return {
        "name": manifest.name,
        "sha256": manifest.sha256,
        "licence": _licence(found),
        "provenance": {name: value for name, value in found.provenance.items() if name != "licence_text"},
        "labels": list(manifest.labels),
        "positive_label": manifest.positive_label,
        "preprocessing_version": manifest.preprocessing_version,
        "graph": asdict(inspect_graph(model, manifest=manifest)),
        "golden": _golden(network, model=model),
        "machine": _machine(network),
        "speeds": [asdict(speed) for speed in measured.speeds],
        "memory_mb": round(measured.memory_mb, 1),
        "labelled": labelled,
        "claim": claim_compared(question.claimed_accuracy, measured=labelled),
    }


def assess_labelled(found: Found, *, question: Question) -> dict[str, Any]:
    """Score the labelled images and assess the scores; what cannot be read is counted and left out.

    Raises:
        AdoptionRefused: the CSV file is wrong, or too little of it could be read.
    """
    manifest, path = found.manifest, question.labelled
    assert path is not None
    rows = read_labelled(path, labels=manifest.labels, positive=manifest.positive_label)
    trials = list(try_on(found, paths=[row.path for row in rows]))
    read = [(trial.scores, row.violating) for trial, row in zip(trials, rows, strict=True) if trial.scores is not None]
    scores = [says[manifest.positive_label] for says, _ in read]
    truth = [violating for _, violating in read]
    try:
        accuracy = assess(scores, violating=truth, prevalence=question.prevalence, thresholds=THRESHOLDS)
    except ValueError as error:
        raise AdoptionRefused(f"{path}: {error} among what could be read.") from error
    return {"unread": len(rows) - len(read), **asdict(accuracy)}


def claim_compared(claimed: float | None, *, measured: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The claimed accuracy beside the measured one, and what it would mean at the stated prevalence."""
    if claimed is None:
        return None
    if measured is None:
        return {"accuracy": claimed, "verdict": "not checked: give a labelled CSV file with --labelled"}
    off = abs(measured["accuracy"]["value"] - claimed)
    verdicts = ((_REPRODUCED, "reproduced within 1 point"), (2 * _REPRODUCED, "reproduced within 2 points"))
    verdict = next((words for limit, words in verdicts if off <= limit + 1e-9), "not reproduced within 2 points")
    return {"accuracy": claimed, "off_by": round(off, 6), "verdict": verdict}


def _refuse(question: Question) -> None:
    for name, value in (("--prevalence", question.prevalence), ("--claimed-accuracy", question.claimed_accuracy)):
        if value is not None and not 0 < value < 1:
            raise AdoptionRefused(f"{name} {value:g}: a share between 0 and 1 is accepted, such as 0.01 for 1 %.")


def _licence(found: Found) -> dict[str, Any]:
    known = commercial_use(found.manifest.licence)
    text = str(found.provenance.get("licence_text", ""))
    return {"name": found.manifest.licence, "commercial_use": known.permitted, "why": known.why, "text": text}


def _golden(network: Network, *, model: bytes) -> dict[str, Any]:
    manifest = network.manifest
    views = np.concatenate([golden_views(each, manifest=manifest) for each in manifest.golden])
    expected = np.array([[each.expected[label] for label in manifest.labels] for each in manifest.golden])
    tolerance = min(each.tolerance for each in manifest.golden)
    moved = what_is_noticed(network, model=model)
    return {
        "inputs": len(manifest.golden),
        "largest_difference": round(float(np.abs(network.predict(views) - expected).max()), 8),
        "tolerance": tolerance,
        "wrong_readings": [
            {"reading": name, "moves": round(by, 6), "noticed": by > tolerance} for name, by in moved.items()
        ],
    }


def _machine(network: Network) -> dict[str, str]:
    return {
        "processor": platform.machine(),
        "system": platform.system(),
        "runtime": network.runtime,
        "python": platform.python_version(),
    }
