"""What every form of publication comes down to, and what all of them need."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: Of two labels the one that is looked for, where nobody says so; any other pair has to be told.
_POSITIVE_WORDS = {"nsfw", "unsafe", "porn", "explicit"}


class FormNotAccepted(ValueError):
    """What was published cannot be adopted; the message says what was found and what is accepted."""

    def __init__(self, what: str, *, found: object, accepted: str) -> None:
        super().__init__(f"{what}: found {found}; accepted is {accepted}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublisherFacts:
    """What the operator states on top of what was published; it goes before what the files say.

    Attributes:
        source: provenance, such as publisher, url, revision.
    """

    licence: str = ""
    positive: str = ""
    source: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Published:
    """A classifier before it has a name here.

    Attributes:
        model: the ONNX file.
        facts: fields of the manifest as JSON values, without ``name``, ``file`` and ``sha256``; ``golden`` is
            there only where the publisher states golden outputs.
        licence_text: the licence's own words, where they were published too.
    """

    model: bytes
    facts: Mapping[str, Any]
    licence_text: str = ""


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON file that holds one object."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise FormNotAccepted(str(path), found=str(error), accepted="a readable JSON file") from error
    if not isinstance(value, dict):
        raise FormNotAccepted(str(path), found=type(value).__name__, accepted="a JSON object")
    return value


def positive_label(labels: Sequence[str], *, told: str) -> str:
    """The label that is looked for: as told, else the one of two whose name leaves no doubt.

    Raises:
        NotAccepted: it is none of the labels, or nobody can tell.
    """
    if told in labels:
        return told
    names = ", ".join(labels)
    if told:
        raise FormNotAccepted("--positive", found=repr(told), accepted=f"one of {names}")
    sure = [label for label in labels if label.casefold() in _POSITIVE_WORDS]
    if len(labels) == 2 and len(sure) == 1:
        return sure[0]
    raise FormNotAccepted(
        "positive label", found=f"labels {names}", accepted="one of them, named with --positive LABEL"
    )


def preprocessing_version(kind: str, *, facts: Mapping[str, Any]) -> str:
    """Name a way of preprocessing by what it does: another rule gets another name without anybody's care."""
    names = ("resize", "crop", "jpeg_round_trip", "draft", "colour_order", "layout", "scale", "mean", "std")
    rule = json.dumps({name: facts[name] for name in names}, sort_keys=True)
    return f"{kind}-{hashlib.sha256(rule.encode()).hexdigest()[:12]}"
