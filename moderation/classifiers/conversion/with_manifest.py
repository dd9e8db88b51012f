"""Read an ONNX file with a manifest in this project's own form beside it."""

import hashlib
from pathlib import Path

from moderation.classifiers.conversion.licences import licence_text
from moderation.classifiers.conversion.onnx_files import OnnxFile
from moderation.classifiers.conversion.publisher_facts import (
    FormNotAccepted,
    PublishedClassifier,
    PublisherFacts,
    read_object,
)

#: Fields that the import fills in.
_FILLED_IN = ("name", "file", "sha256")
#: Fields by which a manifest is recognised: no other configuration has one of them.
_DISTINCTIVE = {"output_kind", "colour_order", "positive_label", "jpeg_round_trip"}


def read_with_manifest(file: OnnxFile, *, path: Path, stated: PublisherFacts) -> PublishedClassifier:
    """Read a manifest whose ``name``, ``file``, ``sha256`` and ``golden`` may be left out.

    Raises:
        FormNotAccepted: the manifest states the sha256 of another file, or no licence is stated.
    """
    facts = read_object(path)
    found = hashlib.sha256(file.model).hexdigest()
    if facts.get("sha256", found) != found:
        raise FormNotAccepted(
            f"sha256 of {file.path}", found=found, accepted=f"{facts['sha256']}, which {path.name} states"
        )
    facts |= {
        name: value for name, value in (("licence", stated.licence), ("positive_label", stated.positive)) if value
    }
    if stated.source and isinstance(facts.get("source", {}), dict):
        facts["source"] = {**facts.get("source", {}), **stated.source}
    if not str(facts.get("licence") or "").strip():
        raise FormNotAccepted(
            f"licence in {path}", found="none", accepted="its SPDX name, such as apache-2.0, or --licence NAME"
        )
    published = {name: value for name, value in facts.items() if name not in _FILLED_IN}
    return PublishedClassifier(file.model, published, licence_text(path.parent))


def is_manifest(path: Path) -> bool:
    """Whether a JSON file is a manifest in this project's form, and not another program's configuration."""
    return path.is_file() and not read_object(path).keys().isdisjoint(_DISTINCTIVE)
