"""The common result of reading any published form, and helpers that every form needs."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: Names of a positive label. Where exactly one of two labels has such a name, nobody needs to state it.
_POSITIVE_NAMES = {"nsfw", "unsafe", "porn", "explicit"}


class FormNotAccepted(ValueError):
    """The published files cannot be adopted; the message says what was found and what is accepted."""

    def __init__(self, subject: str, *, found: object, accepted: str) -> None:
        shown = found if isinstance(found, str) else json.dumps(found, default=str)
        super().__init__(f"{subject}: found {shown}; accepted is {accepted}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublisherFacts:
    """Facts about a published classifier that the operator states; they take precedence over the published files.

    Attributes:
        licence: SPDX name, or "".
        positive: the positive label, or "".
        source: provenance, such as publisher, url, revision.
    """

    licence: str = ""
    positive: str = ""
    source: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PublishedClassifier:
    """A classifier as its publisher describes it, before it has a name in this installation.

    Attributes:
        model: bytes of the ONNX file.
        facts: fields of the manifest as JSON values, without ``name``, ``file`` and ``sha256``; ``golden`` is
            present only where the publisher states golden outputs.
        licence_text: text of the licence, or "" where none was published.
    """

    model: bytes
    facts: Mapping[str, Any]
    licence_text: str = ""


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON file that holds one object.

    Raises:
        FormNotAccepted: the file cannot be read or holds anything else.
    """
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise FormNotAccepted(str(path), found=str(error), accepted="a readable JSON file") from error
    if not isinstance(value, dict):
        raise FormNotAccepted(str(path), found=type(value).__name__, accepted="a JSON object")
    return value


def positive_label(labels: Sequence[str], *, stated: str) -> str:
    """Return the positive label: the ``stated`` one, otherwise the only one of two with a name for it.

    Raises:
        FormNotAccepted: ``stated`` is none of the labels, or the names do not decide.
    """
    if stated in labels:
        return stated
    names = ", ".join(labels)
    if stated:
        raise FormNotAccepted("--positive", found=repr(stated), accepted=f"one of {names}")
    named = [label for label in labels if label.casefold() in _POSITIVE_NAMES]
    if len(labels) == 2 and len(named) == 1:
        return named[0]
    raise FormNotAccepted(
        "positive label", found=f"labels {names}", accepted="one of them, named with --positive LABEL"
    )


def preprocessing_version(kind: str, *, facts: Mapping[str, Any]) -> str:
    """Derive the version from the preprocessing's values, so that a changed value always gives a new version."""
    names = ("resize", "crop", "jpeg_round_trip", "draft", "colour_order", "layout", "scale", "mean", "std")
    values = json.dumps({name: facts[name] for name in names}, sort_keys=True)
    return f"{kind}-{hashlib.sha256(values.encode()).hexdigest()[:12]}"
