"""Read the fields of a JSON object one by one, and say exactly what is wrong with a bad one."""

import base64
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


class ManifestError(ValueError):
    """A manifest that cannot be used; the message names the field, what was found and what is accepted."""

    def __init__(self, field: str, *, found: object, accepted: str) -> None:
        shown = repr(found)
        shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
        super().__init__(f"manifest field {field!r}: found {shown}; accepted is {accepted}")
        self.field = field


class Fields:
    """The fields of one object. Each is taken out once, so that unknown ones are left over."""

    def __init__(self, value: Any, *, inside: str = "") -> None:
        if not isinstance(value, Mapping):
            raise ManifestError(inside.rstrip(".") or "(all)", found=value, accepted="a JSON object")
        self._left = dict(value)
        self._inside = inside
        self._taken: list[str] = []

    def take(self, name: str, read: Callable[[Any], T], *, accepted: str) -> T:
        """Take a field out through ``read``, which raises ValueError or TypeError for a bad one."""
        self._taken.append(name)
        if name not in self._left:
            raise ManifestError(self._inside + name, found="nothing", accepted=accepted)
        found = self._left.pop(name)
        try:
            return read(found)
        except ManifestError:
            raise
        except (ValueError, TypeError) as error:
            raise ManifestError(self._inside + name, found=found, accepted=accepted) from error

    def text(self, name: str) -> str:
        return self.take(name, _text, accepted="a text that is not empty")

    def flag(self, name: str) -> bool:
        return self.take(name, _flag, accepted="true or false")

    def number(self, name: str) -> float:
        return self.take(name, number, accepted="a number")

    def probability(self, name: str) -> float:
        return self.take(name, probability, accepted="a number from 0 to 1")

    def triple(self, name: str) -> tuple[float, float, float]:
        return self.take(name, _triple, accepted="three numbers, one for each colour")

    def choice(self, name: str, choices: Sequence[str]) -> Any:
        return self.take(name, lambda found: _one_of(found, choices), accepted=f"one of {', '.join(choices)}")

    def size(self, name: str) -> tuple[int, int]:
        return self.take(name, size, accepted="[width, height], whole numbers from 1 to 4096")

    def texts(self, name: str) -> dict[str, str]:
        return self.take(name, _texts, accepted="an object of texts, not empty")

    def sha256(self, name: str) -> str:
        return self.take(name, _sha256, accepted="64 hexadecimal digits in lower case")

    def base64(self, name: str) -> bytes:
        return self.take(name, _bytes, accepted="base64 of a PNG or JPEG file")

    def items(self, name: str) -> list[Any]:
        return self.take(name, _items, accepted="a list that is not empty")

    def nothing_else(self) -> None:
        """Refuse fields that nobody took: a misspelt one would else be ignored in silence."""
        for name in self._left:
            raise ManifestError(self._inside + name, found=self._left[name], accepted=f"only {self._taken}")


def parse_object(value: str | bytes | Mapping[str, Any]) -> Fields:
    if isinstance(value, Mapping):
        return Fields(value)
    try:
        return Fields(json.loads(value))
    except ValueError as error:
        if isinstance(error, ManifestError):
            raise
        raise ManifestError("(all)", found=str(error), accepted="a JSON object") from error


def number(found: Any) -> float:
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        raise ValueError
    return float(found)


def probability(found: Any) -> float:
    if not 0 <= number(found) <= 1:
        raise ValueError
    return float(found)


def whole(found: Any) -> int:
    if isinstance(found, bool) or not isinstance(found, int) or not 1 <= found <= 4096:
        raise ValueError
    return found


def size(found: Any) -> tuple[int, int]:
    width, height = _items(found)
    return whole(width), whole(height)


def _text(found: Any) -> str:
    if not isinstance(found, str) or not found.strip():
        raise ValueError
    return found


def _flag(found: Any) -> bool:
    if not isinstance(found, bool):
        raise TypeError
    return found


def _triple(found: Any) -> tuple[float, float, float]:
    first, second, third = _items(found)
    return number(first), number(second), number(third)


def _one_of(found: Any, choices: Sequence[str]) -> str:
    if found not in choices:
        raise ValueError
    return str(found)


def _texts(found: Any) -> dict[str, str]:
    if not isinstance(found, Mapping) or not found:
        raise TypeError
    return {_text(name): _text(value) for name, value in found.items()}


def _sha256(found: Any) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", found):
        raise ValueError
    return str(found)


def _bytes(found: Any) -> bytes:
    return base64.b64decode(_text(found), validate=True)


def _items(found: Any) -> list[Any]:
    if not isinstance(found, list | tuple) or not found:
        raise TypeError
    return list(found)
