"""One line of a hash list, whatever its format, and the messages for lines that are not accepted."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from moderation.hashlists.kinds import UnknownAlgorithm, algorithm_named
from moderation.hashlists.masking import masked, quoted
from moderation.models import HashEntry
from moderation.moments import parse_moment

YES_NO = {"": True, "true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
MOST_CHARACTERS = {"label": 100, "note": 500, "reference": 200, "who": 150, "why": 500}


class ListNotAccepted(Exception):
    """A file has something that cannot be imported. Nothing of the file is imported. The message repeats no hash."""

    def __init__(self, message: str) -> None:
        super().__init__(masked(message))


@dataclass(frozen=True, kw_only=True, slots=True)
class HashRow:
    """One entry. `who` and `why` are None where the file has no such column; `hash` is in lower case."""

    algorithm: str
    hash: str
    quality: int | None = None
    enabled: bool = True
    expires_at: datetime | None = None
    label: str = ""
    note: str = ""
    reference: str = ""
    who: str | None = None
    why: str | None = None
    standing: str = "unconfirmed"

    @classmethod
    def read(cls, texts: Mapping[str, str]) -> "HashRow":
        """Parse texts by column name. A missing one counts as empty.

        Raises:
            RowLeftOut: the hash is of a kind that uploads are not compared with.
            ListNotAccepted: with the text found and the accepted ones.
        """
        return cls._read({name: text.strip() for name, text in texts.items()})

    @classmethod
    def _read(cls, texts: Mapping[str, str]) -> "HashRow":
        algorithm = _algorithm(texts.get("algorithm", ""))
        long_texts = {name: _text(texts[name], name=name) for name in MOST_CHARACTERS if name in texts}
        return cls(
            algorithm=algorithm,
            hash=_hash(texts.get("hash", ""), algorithm=algorithm),
            quality=_quality(texts.get("quality", ""), algorithm=algorithm),
            enabled=_enabled(texts.get("enabled", "")),
            expires_at=expiry(texts.get("expires_at", "")),
            standing=_standing(texts.get("standing", "")),
            **long_texts,
        )

    @classmethod
    def from_entry(cls, entry: HashEntry) -> "HashRow":
        names = ("algorithm", "hash", "quality", "enabled", *MOST_CHARACTERS, "expires_at")
        content: dict[str, Any] = {name: getattr(entry, name) for name in names}
        is_reviewed = entry.review_state != HashEntry.ReviewState.UNCONFIRMED
        standing = entry.review_state if is_reviewed else entry.standing_in_file or entry.review_state
        return cls(**content | {"who": entry.who.removesuffix(HashEntry.FROM_FILE), "standing": standing})

    @property
    def key(self) -> tuple[str, str]:
        return self.algorithm, self.hash

    @property
    def content(self) -> dict[str, Any]:
        """The fields that an import may change. The standing is not one: it is recorded for new entries only."""
        content = {
            "quality": self.quality,
            "enabled": self.enabled,
            "expires_at": self.expires_at,
            "label": self.label,
            "note": self.note,
            "reference": self.reference,
        }
        return content | {name: text for name in ("who", "why") if (text := getattr(self, name)) is not None}


def expiry(text: str) -> datetime | None:
    """Parse a date, a date and time (in UTC if it has no offset), or seconds since 1970; None for "" and "0".

    Raises:
        ListNotAccepted: the text is none of these.
    """
    if text in {"", "0"}:
        return None
    found = _seconds(text) or parse_moment(text, zone=UTC)
    if found is None:
        raise ListNotAccepted(
            f"found {quoted(text)} as the time of expiry; a date (2027-01-31), a date and time (2027-01-31T18:00:00Z) "
            "or seconds since 1970 are accepted"
        )
    return found.astimezone(UTC).replace(microsecond=0)


def _seconds(text: str) -> datetime | None:
    return datetime.fromtimestamp(int(text), tz=UTC) if re.fullmatch(r"[0-9]{9,11}", text) else None


def _algorithm(text: str) -> str:
    try:
        return algorithm_named(text)
    except UnknownAlgorithm:
        raise ListNotAccepted("found no algorithm; pdq, sha256, md5 and sha1 are accepted") from None


def _hash(text: str, *, algorithm: str) -> str:
    digits = HashEntry.DIGITS[algorithm]
    if not re.fullmatch(rf"[0-9A-Fa-f]{{{digits}}}", text):
        problem = "and some of these are not" if len(text) == digits else "no more and no fewer"
        raise ListNotAccepted(
            f"found a hash of {len(text)} characters; {digits} hexadecimal digits are accepted for {algorithm}, "
            f"{problem}"
        )
    return text.lower()


def _quality(text: str, *, algorithm: str) -> int | None:
    if not text or algorithm != HashEntry.Algorithm.PDQ:
        return None
    if not re.fullmatch(r"[0-9]{1,3}", text) or int(text) > 100:
        raise ListNotAccepted(
            f"found the quality {quoted(text)}; a whole number from 0 to 100, or nothing, is accepted"
        )
    return int(text)


def _enabled(text: str) -> bool:
    if text.lower() not in YES_NO:
        raise ListNotAccepted(f"found {quoted(text)} in enabled; true and false are accepted")
    return YES_NO[text.lower()]


def _standing(text: str) -> str:
    found = text.lower() or HashEntry.ReviewState.UNCONFIRMED.value
    if found not in HashEntry.ReviewState.values:
        accepted = ", ".join(HashEntry.ReviewState.values)
        raise ListNotAccepted(f"found the standing {quoted(text)}; one of {accepted}, or nothing, is accepted")
    return found


def _text(text: str, *, name: str) -> str:
    most = MOST_CHARACTERS[name]
    if len(text) > most:
        raise ListNotAccepted(f"found {len(text):,} characters in {name}; at most {most} are accepted")
    if "\0" in text:
        raise ListNotAccepted(f"found a NUL character in {name}; it is not accepted")
    return text


#: A row of a file: its place, such as "line 3", and the function that parses it. The function raises what
#: `HashRow.read` raises.
Unparsed = tuple[str, Callable[[], HashRow]]
