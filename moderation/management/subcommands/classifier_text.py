"""Output of `manage.py classifiers` for people, and a classifier as JSON."""

from collections.abc import Mapping
from typing import Any

from moderation.classifiers.conversion.golden import ConvertedClassifier
from moderation.classifiers.dry_run import DryRunResult
from moderation.classifiers.eight_bit import EightBitDrift
from moderation.formatting import counted
from moderation.models import Classifier, PolicyVersion


def classifier_json(row: Classifier) -> dict[str, Any]:
    slugs = PolicyVersion.objects.in_force().filter(classifier=row).values_list("policy__slug", flat=True)
    return {
        "name": row.name,
        "sha256": row.sha256,
        "labels": row.manifest["labels"],
        "positive_label": row.positive_label,
        "licence": row.licence,
        "preprocessing_version": row.preprocessing_version,
        "in_force_for": list(slugs),
        "retired": row.retired_at is not None,
    }


def classifier_line(facts: Mapping[str, Any]) -> str:
    state = "retired" if facts["retired"] else f"in force for {', '.join(facts['in_force_for']) or 'no policy'}"
    labels = f"positive label {facts['positive_label']} among {', '.join(facts['labels'])}"
    return f"{facts['name']}  {facts['sha256'][:12]}, {labels}; {facts['licence']}; {state}"


def activation_line(version: PolicyVersion) -> str:
    assert version.epoch is not None
    assert version.classifier is not None
    return (
        f"{version.classifier.name} is the active classifier of {version} from the next pre-screen on, low "
        f"{version.low:.2f}, high {version.high:.2f}, {version.combination} of {', '.join(version.labels)}; "
        f"{version.epoch}: {version.epoch.why_opened}"
    )


def result_line(result: DryRunResult) -> str:
    outcome = result.refused if result.scores is None else probabilities_text(result.scores)
    return f"{result.path}: {outcome}"


def probabilities_text(scores: Mapping[str, float]) -> str:
    """Return every label with its probability, the greatest first."""
    return ", ".join(f"{label} {p:.4f}" for label, p in sorted(scores.items(), key=lambda pair: -pair[1]))


def import_text(converted: ConvertedClassifier) -> str:
    manifest = converted.manifest
    width = max(map(len, converted.samples))
    lines = [
        f"Imported {manifest.name}: sha256 {manifest.sha256}, {manifest.licence}.",
        f"Its positive label is {manifest.positive_label!r} among {', '.join(manifest.labels)}; "
        f"{manifest.size[0]} x {manifest.size[1]} pixels, {manifest.colour_order}, {manifest.preprocessing_version}.",
        "Its scores of composed, harmless images. Are they plausible?",
        *(f"  {name:<{width}}  {probabilities_text(scores)}" for name, scores in converted.samples.items()),
        "By how much each misreading of its manifest would move its golden outputs:",
        *(f"  {name}: {moved:.4f}" for name, moved in converted.misreadings.items()),
        *(f"  NOT NOTICED: {name}. Compare its scores with its publisher's." for name in converted.unnoticed),
        f"Try it on files of your own: manage.py classifiers score {manifest.name} FILE...",
    ]
    return "\n".join(lines)


def check_text(answers: Mapping[str, Any]) -> str:
    graph, one = answers["graph"], answers["speeds"][0]
    lines = [
        f"{answers['name']}: {answers['licence']['name']}. {answers['licence']['why']}",
        f"{graph['parameters'] / 1e6:.1f} million parameters, {graph['gflop']:.2f} GFLOP and "
        f"{one['milliseconds']:.1f} ms an image on one thread, {answers['memory_mb']:.0f} MB.",
        *(f"NOT NOTICED by its golden inputs: {each['reading']}." for each in answers["golden"]["wrong_readings"]
          if not each["noticed"]),
    ]  # fmt: skip
    if found := answers["labelled"]:
        lines.append(f"Accuracy {found['accuracy']['value']:.4f}, AUC {found['auc']['value']:.4f} on your images.")
    if claim := answers["claim"]:
        lines.append(f"Claimed accuracy {claim['accuracy']:.4f}: {claim['verdict']}.")
    return "\n".join(lines)


def drift_text(drift: EightBitDrift, *, name: str, source: str) -> str:
    images, flips = counted(drift.images, "image"), len(drift.flips)
    lines = [
        f"Registered {name}, {drift.method}. It replaces nothing: policies keep using {source}.",
        f"On {images} its scores differ by {drift.mean:.4f} in the mean and {drift.largest:.4f} at most.",
        f"At the thresholds in force for {source}, {flips} would take another route{':' if flips else '.'}",
        *(f"  {flip.file}: {flip.policy} {flip.routes[0]} ({flip.before:.3f}) -> {flip.routes[1]} ({flip.after:.3f})"
          for flip in drift.flips),
        f"Thresholds do not transfer: run 'classifiers check {name}' and activate it with thresholds of its own.",
    ]  # fmt: skip
    return "\n".join(lines)
