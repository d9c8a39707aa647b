"""The OpenAPI document: what each route is described by, and the document that is made of the descriptions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from servicekit.errors import STATUS, Kind
from servicekit.wire import Params

from gateway.api.schemas import Problem
from gateway.auth.keys import Scope

REF = "#/components/schemas/{model}"
# Schemas of the parameters in paths.
PATH_PARTS = {
    "picture_id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    "session_id": {"type": "string", "pattern": "^[0-9a-f]{12}$"},
    "job_id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    "search_id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
}


@dataclass(frozen=True)
class Multipart:
    """A multipart form, as described in the OpenAPI document."""

    fields: dict[str, Any]
    required: tuple[str, ...]
    # Most files in one form; SPARE_PARTS more are read, so that the error can give their number.
    most: int
    # Fields that hold JSON.
    json: dict[str, type[BaseModel]]


@dataclass(frozen=True)
class Operation:
    """One route, as described in the OpenAPI document."""

    method: str
    path: str
    name: str
    summary: str
    text: str
    params: type[Params]
    body: type[BaseModel] | None
    form: Multipart | None
    # By status: the model of a JSON document, or the content types of another body, or None for no body.
    answers: dict[int, type[BaseModel] | tuple[str, ...] | None]
    errors: frozenset[Kind]
    # Whether it answers with server-sent events if the Accept header asks for them.
    streams: bool
    # The scope that the caller's key needs; None if the route needs no key.
    scope: Scope | None


def document(title: str, version: str, prefix: str, operations: Sequence[Operation]) -> dict[str, Any]:
    """The OpenAPI 3.1 document.

    Args:
        title: of the API.
        version: of the API.
        prefix: comes before the path of each operation.
        operations: the routes.
    """
    models: list[type[BaseModel]] = [Problem]
    for o in operations:
        models += [m for m in (o.body, o.params, *o.answers.values()) if isinstance(m, type)]
        models += list(o.form.json.values()) if o.form else []
    _, definitions = models_json_schema(
        [(m, "validation") for m in dict.fromkeys(models)], ref_template=REF, by_alias=True
    )
    schemas = definitions["$defs"]
    paths: dict[str, dict[str, Any]] = {}
    for o in operations:
        path = f"{prefix}{o.path}".replace("<", "{").replace(">", "}")
        paths.setdefault(path, {})[o.method.lower()] = described(o, schemas)
    for name in {o.params.__name__ for o in operations}:
        del schemas[name]
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key. Needed by all that does not come from the machine itself; "
                    "`sightline keys` makes them.",
                }
            },
        },
    }


def described(o: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    """One operation of the OpenAPI document."""
    parameters: list[dict[str, Any]] = []
    for name, schema in PATH_PARTS.items():
        if f"<{name}>" in o.path:
            parameters.append({"name": name, "in": "path", "required": True, "schema": schema})
    given = schemas[o.params.__name__]
    # Own fields first, inherited fields after them.
    own = o.params.__annotations__
    for name, schema in sorted(given.get("properties", {}).items(), key=lambda item: item[0] not in own):
        parameters.append(
            {
                "name": name,
                "in": "query",
                "required": name in given.get("required", ()),
                "schema": in_url(schema),
                **({"description": schema["description"]} if "description" in schema else {}),
            }
        )
    content: dict[str, Any] = {}
    if o.body:
        content["application/json"] = {"schema": {"$ref": REF.format(model=o.body.__name__)}}
    if o.form:
        content["multipart/form-data"] = {
            "schema": {
                "type": "object",
                "properties": o.form.fields,
                "required": list(o.form.required),
                "additionalProperties": False,
            },
            "encoding": {name: {"contentType": "application/json"} for name in o.form.json},
        }
    answers: dict[str, Any] = {}
    for status, answer in o.answers.items():
        answers[str(status)] = {"description": "Success" if status < 300 else "Not modified"}
        if isinstance(answer, tuple):
            answers[str(status)]["content"] = {kind: {"schema": {}} for kind in answer}
        elif answer:
            answers[str(status)]["content"] = {
                "application/json": {"schema": {"$ref": REF.format(model=answer.__name__)}}
            }
    if o.streams:
        answers["200"]["content"]["text/event-stream"] = {"schema": {"type": "string"}}
    answers["414"] = {"description": "the request line is longer than 8,190 bytes (by the server, without a document)"}
    for kind in sorted(o.errors):
        entry = answers.setdefault(
            str(STATUS[kind]),
            {
                "description": "",
                "content": {"application/problem+json": {"schema": {"$ref": REF.format(model="Problem")}}},
            },
        )
        entry["description"] = ", ".join(filter(None, (entry["description"], str(kind))))
    return {
        "operationId": o.name,
        "summary": o.summary,
        **({"description": " ".join(o.text.split())} if o.text else {}),
        "security": [{}, {"key": [o.scope.name.lower()]}] if o.scope else [],
        "parameters": parameters,
        **({"requestBody": {"required": True, "content": content}} if content else {}),
        "responses": answers,
    }


def in_url(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a query parameter: without null, which a URL cannot express."""
    said = {k: v for k, v in schema.items() if k not in ("title", "description") and (k, v) != ("default", None)}
    if "anyOf" not in said:
        return said
    (kind,) = (s for s in said.pop("anyOf") if s != {"type": "null"})
    return {**kind, **said}
