"""ManifestError, and how pydantic's errors become one."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError


class ManifestError(ValueError):
    """A manifest that cannot be used; the message names the field, what was found and what is accepted."""

    def __init__(self, field: str, *, found: object, accepted: str) -> None:
        shown = json.dumps(found, ensure_ascii=False, default=str)
        shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
        super().__init__(f"manifest field {field!r}: found {shown}; accepted is {accepted}")
        self.field = field


def first_error(
    error: ValidationError, *, value: Any, model: type[BaseModel], nested: Mapping[str, type[BaseModel]]
) -> ManifestError:
    """Return the first error of ``value`` as a ManifestError.

    Args:
        error: raised by ``model`` for ``value``.
        value: the value that was validated, from ``json.loads``.
        model: the model of the whole manifest. A field's description says what is accepted.
        nested: the model of each field that holds an object or a list of objects.
    """
    detail = error.errors(include_url=False)[0]
    cause = detail.get("ctx", {}).get("error")
    if isinstance(cause, ManifestError):  # raised by a validator that compares fields
        return cause
    place, accepted = _described(detail["loc"], model=model, nested=nested)
    if detail["type"] == "missing" and len(place) == len(detail["loc"]):
        return ManifestError(_written(place), found="nothing", accepted=accepted)
    return ManifestError(_written(place), found=_value_at(place, value=value), accepted=accepted)


def _described(
    location: Sequence[str | int], *, model: type[BaseModel], nested: Mapping[str, type[BaseModel]]
) -> tuple[list[str | int], str]:
    """The innermost field of ``location`` that has a description, and what it accepts.

    An error of one number in ``size`` is an error of ``size``.
    """
    place: list[str | int] = []
    accepted = "a JSON object"
    fields = model.model_fields
    for step in location:
        if isinstance(step, int) and place and place[-1] in nested:
            accepted = "a JSON object"
        elif step not in fields:
            # A step into a number or a text ends the walk; a name that no field has is the error itself.
            unknown = isinstance(step, str) and bool(fields)
            return ([*place, step], f"only {', '.join(fields)}") if unknown else (place, accepted)
        else:
            field = fields[str(step)]
            accepted = field.description or ""
            fields = nested[str(step)].model_fields if step in nested else {}
        place.append(step)
    return place, accepted


def _written(place: Sequence[str | int]) -> str:
    """``["golden", 0, "image"]`` as "golden[0].image"."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return "".join(steps).removeprefix(".") or "(all)"


def _value_at(place: Sequence[str | int], *, value: Any) -> Any:
    for step in place:
        value = value[step]
    return value
