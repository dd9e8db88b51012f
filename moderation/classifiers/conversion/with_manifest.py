"""An ONNX file with a manifest of ours beside it."""

import hashlib
from pathlib import Path

from moderation.classifiers.conversion.licences import licence_text
from moderation.classifiers.conversion.onnx_files import OnnxFile
from moderation.classifiers.conversion.publisher_facts import FormNotAccepted, Published, PublisherFacts, read_object

#: What this installation fills in by itself.
_OURS = ("name", "file", "sha256")
#: Fields that no other configuration has.
_TELLTALE = {"output_kind", "colour_order", "positive_label", "jpeg_round_trip"}


def read_with_manifest(file: OnnxFile, *, path: Path, told: PublisherFacts) -> Published:
    """Read a manifest whose ``name``, ``file``, ``sha256`` and ``golden`` may be left out.

    Raises:
        NotAccepted: the manifest is of another file.
        ManifestError: a field is missing, unknown, or not accepted.
    """
    facts = read_object(path)
    found = hashlib.sha256(file.model).hexdigest()
    if facts.get("sha256", found) != found:
        raise FormNotAccepted(
            f"sha256 of {file.path}", found=found, accepted=f"{facts['sha256']}, which {path.name} states"
        )
    facts |= {name: value for name, value in (("licence", told.licence), ("positive_label", told.positive)) if value}
    if told.source and isinstance(facts.get("source", {}), dict):
        facts["source"] = {**facts.get("source", {}), **told.source}
    if not str(facts.get("licence") or "").strip():
        raise FormNotAccepted(
            f"licence in {path}", found="none", accepted="its SPDX name, such as apache-2.0, or --licence NAME"
        )
    published = {name: value for name, value in facts.items() if name not in _OURS}
    return Published(file.model, published, licence_text(path.parent))


def is_manifest(path: Path) -> bool:
    """Whether a JSON file looks like one of ours, and not like somebody else's configuration."""
    return path.is_file() and not read_object(path).keys().isdisjoint(_TELLTALE)
