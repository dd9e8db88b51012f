"""The API's documentation page: its OpenAPI description as a plain page, with the product's header and no script."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from ninja import NinjaAPI
from ninja.openapi.docs import DocsBase

Schema = dict[str, Any]
METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, kw_only=True)
class Field:
    """A parameter of a call, or a field of a body."""

    name: str
    type: str
    required: bool = False
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class Body:
    """What is sent or answered. ``heading`` is the media type of a request, or the status of an answer."""

    heading: str
    fields: list[Field] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Call:
    """One method of one address."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    parameters: list[Field]
    requests: list[Body]
    answers: list[Body]


class DocumentationPage(DocsBase):
    """Renders the description on the server: Swagger UI needs scripts and inline styles, and has no header."""

    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        description = api.get_openapi_schema(path_params=kwargs)
        context = {
            "title": api.title,
            "about": api.description,
            "openapi_url": self.get_openapi_url(api, kwargs),
            "calls": list(calls(description)),
        }
        return render(request, "moderation/api.html", context)


def calls(description: Schema) -> Iterator[Call]:
    """Yield the calls of an OpenAPI description, in its order."""
    for path, methods in description["paths"].items():
        for method in METHODS:
            if method in methods:
                yield _call(path, method, methods[method], description)


def _call(path: str, method: str, operation: Schema, description: Schema) -> Call:
    content = operation.get("requestBody", {}).get("content", {})
    return Call(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation.get("summary", ""),
        description=operation.get("description", ""),
        parameters=[_parameter(given, description) for given in operation.get("parameters", [])],
        requests=[Body(heading=kind, fields=_fields(body, description)) for kind, body in content.items()],
        answers=[_answer(status, answer, description) for status, answer in operation["responses"].items()],
    )


def _parameter(given: Schema, description: Schema) -> Field:
    return Field(
        name=given["name"],
        type=f"{_type(given['schema'], description)}, in the {given['in']}",
        required=given.get("required", False),
        description=given.get("description", ""),
    )


def _answer(status: int | str, answer: Schema, description: Schema) -> Body:
    (body,) = answer.get("content", {}).values() or [{}]
    return Body(heading=f"{status} {HTTPStatus(int(status)).phrase}", fields=_fields(body, description))


def _fields(body: Schema, description: Schema) -> list[Field]:
    schema = _resolved(body.get("schema", {}), description)
    schema = _resolved(schema.get("items", schema), description)
    required = schema.get("required", [])
    return [
        Field(
            name=name,
            type=_type(found, description),
            required=name in required,
            description=found.get("description", ""),
        )
        for name, found in schema.get("properties", {}).items()
    ]


def _resolved(schema: Schema, description: Schema) -> Schema:
    """Follow a reference such as "#/components/schemas/Sent"."""
    if "$ref" not in schema:
        return schema
    found: Schema = description["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def _type(schema: Schema, description: Schema) -> str:
    """Return the type of a field in words: "string (binary)", "one of: report, appeal", "integer or null"."""
    schema = _resolved(schema, description)
    choices = schema.get("anyOf") or schema.get("allOf")
    if choices:
        return " or ".join(dict.fromkeys(_type(choice, description) for choice in choices))
    if "enum" in schema:
        return f"one of: {', '.join(map(str, schema['enum']))}"
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}), description)}"
    kind = str(schema.get("type", "any"))
    return f"{kind} ({schema['format']})" if "format" in schema else kind
