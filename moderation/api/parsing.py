"""Reads the bodies of calls strictly: a call that carries more than is understood is refused, never half used."""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Schema
from ninja.parser import Parser
from pydantic import AfterValidator, ConfigDict, model_validator

from moderation.intake.refusals import NO_TEXT
from moderation.request_limits import media_type

MULTIPART = "multipart/form-data"


def check_text(value: str) -> str:
    """Refuse characters that PostgreSQL cannot store and cannot even search for.

    Raises:
        ValueError: with the name of the character.
    """
    if found := NO_TEXT.search(value):
        raise ValueError(f"the character U+{ord(found[0]):04X}")
    return value


#: Text that can be stored.
Text = Annotated[str, AfterValidator(check_text)]


class FieldNotAccepted(Exception):
    """A field that the call does not have, or one that was sent several times."""


class BodyNotAccepted(Exception):
    """A body of another kind than the call takes."""


class StrictSchema(Schema):
    """The fields of a form or of a JSON body; a field that it does not have is refused."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def refuse_unknown_fields(cls, found: Any) -> Any:
        if isinstance(found, dict):
            check_names(((name, [found[name]]) for name in found), accepted=list(cls.model_fields), where="in the body")
        return found


class StrictParser(Parser):
    """Reads JSON bodies. A key that comes twice is refused: which of its values is meant cannot be known."""

    def parse_body(self, request: HttpRequest) -> Any:
        try:
            found = json.loads(request.body, object_pairs_hook=_without_repetition)
        except (ValueError, RecursionError) as error:
            raise BodyNotAccepted(
                f"Found a body that is not JSON ({error}); a JSON object is accepted. Correct it and send it again."
            ) from error
        if not isinstance(found, dict):
            raise BodyNotAccepted(
                "Found JSON that is not an object; an object with the call's fields is accepted. "
                "Correct it and send it again."
            )
        return found


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        name, count = Counter(name for name, _ in pairs).most_common(1)[0]
        raise FieldNotAccepted(_repeated(name, count=count))
    return found


def only_known_fields(view: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate every call: a field of the form, a file or a part of the query that it does not name is refused.

    It runs after the caller is authenticated. JSON bodies are checked by their schemas, which forbid extra fields.
    """
    query, form, files = (_names(view, source=source) for source in ("query", "form", "file"))

    @wraps(view)
    def checked(request: HttpRequest, **values: Any) -> Any:
        check_names(request.GET.lists(), accepted=query, where="in the query")
        if media_type(request) == MULTIPART:
            check_names(request.POST.lists(), accepted=form, where="in the form")
            _check_files(request, accepted=files)
        return view(request, **values)

    return checked


def _names(view: Callable[..., Any], *, source: str) -> list[str]:
    """Return the fields that the call takes from one part of the request; a schema's fields are listed each."""
    models = [model for model in view._ninja_operation.models if model.__ninja_param_source__ == source]  # type: ignore[attr-defined]
    return [name for model in models for name in getattr(model, "__ninja_flatten_map__", model.model_fields)]


def check_names(lists: Iterable[tuple[str, list[Any]]], *, accepted: list[str], where: str) -> None:
    """Refuse a name that is not in `accepted`, and one that has several values.

    Raises:
        FieldNotAccepted: the message says which names are accepted.
    """
    for name, values in lists:
        if name not in accepted:
            raise FieldNotAccepted(
                f"Found the unknown field {printable(name)} {where}; {_listed(accepted)}. Nothing was saved. "
                "Correct its name or leave it out."
            )
        if len(values) > 1:
            raise FieldNotAccepted(_repeated(name, count=len(values)))


def _check_files(request: HttpRequest, *, accepted: list[str]) -> None:
    count = sum(len(files) for _, files in request.FILES.lists())
    if count > len(accepted):
        raise FieldNotAccepted(
            f"Found {count} files; one file a request is accepted. Nothing was saved. "
            "Send each file with a request and an external_id of its own."
        )
    check_names(request.FILES.lists(), accepted=accepted, where="among the files")


def _repeated(name: str, *, count: int) -> str:
    return f"Found the field {printable(name)} {count} times; once is accepted. Nothing was saved. Send it once."


def _listed(names: list[str]) -> str:
    return f"accepted are {', '.join(names)}" if names else "none is accepted"


def printable(name: str) -> str:
    """Return a name that a caller chose, as ASCII and at most 60 characters, to be repeated in a message."""
    return ascii(name[:60])
