"""Hash lists in the formats of Meta's ThreatExchange: threat descriptors, and the signals of HMA.

https://developers.facebook.com/docs/threat-exchange/reference/apis/threat-descriptor describes descriptors. Fields
that they do not have are written under `second_look`, which other programs ignore.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any, TextIO

from moderation.hashlists.json_objects import objects
from moderation.hashlists.kinds import RowLeftOut
from moderation.hashlists.masking import quoted
from moderation.hashlists.rows import HashRow, ListNotAccepted, Unparsed
from moderation.models import HashList

TYPES = {"pdq": "HASH_PDQ", "sha256": "HASH_SHA256", "md5": "HASH_MD5", "sha1": "HASH_SHA1"}
STATUS = {HashList.Kind.KNOWN_BAD: "MALICIOUS", HashList.Kind.KNOWN_GOOD: "NON_MALICIOUS"}
#: Our field names, each with ThreatExchange's: the first one present is used.
NAMES = {
    "algorithm": ("type", "signal_type", "td_indicator_type"),
    "hash": ("raw_indicator", "indicator", "signal_value", "td_raw_indicator"),
    "expires_at": ("expire_time", "expired_on"),
    "label": ("tags", "td_subjective_tags"),
    "note": ("description", "td_description"),
    "reference": ("id",),
}
_STATUSES = ("status", "td_status")
#: The fields under `second_look`.
OURS = ("quality", "enabled", "who", "why", "standing")


def read(text: TextIO, *, kind: str) -> Iterator[Unparsed]:
    """Yield rows for a list of this kind, from `{"data": [...]}`, an array, or one object a line.

    Raises:
        ListNotAccepted: with the number of the entry, counted from 1, and the problem.
    """
    for number, found in enumerate(objects(text), start=1):
        yield f"entry {number}", partial(_row, found, kind=kind)


def _row(found: Any, *, kind: str) -> HashRow:
    if not isinstance(found, dict):
        raise ListNotAccepted(f"found {_kind_of(found)}; objects are accepted, each one a descriptor or a signal")
    status = found.get(_first(_STATUSES, found) or "", STATUS[HashList.Kind(kind)])
    if status != STATUS[HashList.Kind(kind)]:
        raise RowLeftOut(f"status {quoted(str(status))[1:-1]}")
    return HashRow.read(_texts(found))


def _texts(found: Mapping[str, Any]) -> dict[str, str]:
    """Return the values of a descriptor or signal as texts, by our column names."""
    values = {name: found[theirs] for name, names in NAMES.items() if (theirs := _first(names, found))}
    if isinstance(values.get("hash"), dict):
        nested = values["hash"]
        values["hash"] = nested.get("indicator")
        values.setdefault("algorithm", nested.get("type"))
    _refuse_missing(values, found)
    if "label" in values:
        values["label"] = _joined(values["label"])
    own = found.get("second_look", {})
    if found.get("should_delete"):
        values["enabled"] = False
    values |= {name: own[name] for name in OURS if name in own} if isinstance(own, dict) else {}
    return {name: _as_text(value, name=name) for name, value in values.items()}


def _refuse_missing(values: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    for name in ("algorithm", "hash"):
        if values.get(name) in (None, ""):
            keys = ", ".join(quoted(str(key))[1:-1] for key in list(found)[:20]) or "none"
            raise ListNotAccepted(f"found the keys {keys}; one of {', '.join(NAMES[name])} is required")


def _first(names: Iterable[str], found: Mapping[str, Any]) -> str | None:
    return next((name for name in names if name in found), None)


def _joined(tags: Any) -> Any:
    """Join tags, which come as an array of texts or as `{"data": [{"text": ...}]}`."""
    if isinstance(tags, dict):
        tags = [tag.get("text") for tag in tags.get("data", []) if isinstance(tag, dict)]
    return ", ".join(map(str, tags)) if isinstance(tags, list) else tags


def _as_text(value: Any, *, name: str) -> str:
    if isinstance(value, dict | list):
        raise ListNotAccepted(f"{name} is {_kind_of(value)}; a text, a number, true or false are accepted")
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _kind_of(value: Any) -> str:
    if isinstance(value, dict):
        return "an object"
    return "an array" if isinstance(value, list) else "a value of another kind"


def write(rows: Iterable[HashRow], *, kind: str) -> Iterator[str]:
    """Yield lines of text, one descriptor each. Reading them gives the same rows again."""
    yield '{"data": ['
    for number, row in enumerate(rows):
        yield f"{',' if number else ''}\n{json.dumps(_descriptor(row, status=STATUS[HashList.Kind(kind)]))}"
    yield "\n]}\n"


def _descriptor(row: HashRow, *, status: str) -> dict[str, Any]:
    fields = {
        "id": row.reference,
        "type": TYPES[row.algorithm],
        "raw_indicator": row.hash,
        "status": status,
        "expire_time": int(row.expires_at.timestamp()) if row.expires_at else None,
        "description": row.note,
        "tags": row.label.split(", ") if row.label else [],
        "second_look": _ours(row),
    }
    return {name: value for name, value in fields.items() if value not in ("", None, [], {})}


def _ours(row: HashRow) -> dict[str, Any]:
    """Return the fields under `second_look` that differ from the defaults of an import."""
    fields = {name: getattr(row, name) for name in OURS}
    defaults = {"enabled": True, "standing": "unconfirmed"}
    # An empty who or why is written too; otherwise the next import would fill in its own.
    return {name: value for name, value in fields.items() if value is not None and value != defaults.get(name)}
