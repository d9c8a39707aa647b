"""The OpenAPI document at `/openapi.json`, and an HTML page of it at `/docs` that loads nothing from other hosts."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, render_template

# Content Security Policy: the page needs its own style sheet and nothing else.
POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'"
# Upper limits from here on are left out of the page: no picture can reach them.
UNBOUNDED = 2**31


def create_docs(description: dict[str, Any]) -> Blueprint:
    """Routes that serve an OpenAPI document as JSON and as a page."""
    docs = Blueprint("docs", __name__, template_folder="docs_page", static_folder="docs_page", static_url_path="/docs")
    content = json.dumps(description, ensure_ascii=False)

    @docs.get("/openapi.json")
    def openapi() -> Response:
        return Response(content, content_type="application/json")

    @docs.get("/docs")
    def page() -> Response:
        html = render_template("docs.html", api=description, example=example, kind=kind)
        return Response(html, content_type="text/html; charset=utf-8", headers={"Content-Security-Policy": POLICY})

    return docs


def kind(schema: dict[str, Any]) -> str:
    """A schema's type and limits in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    for many in ("anyOf", "oneOf"):
        if many in schema:
            return " | ".join(dict.fromkeys(kind(s) for s in schema[many]))
    if schema.get("type") == "array":
        return f"list of {kind(schema.get('items', {}))}"
    if schema.get("format") == "binary":
        return "file"
    name = str(schema.get("type", "anything"))
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None:
        bounded = most is not None and most < UNBOUNDED
        return f"{name}, {least} to {most}" if bounded else f"{name}, {least} or more"
    return name


def example(method: str, path: str, operation: dict[str, Any]) -> str:
    """An example curl command of an operation."""
    address = "http://127.0.0.1:8080" + path.replace("{picture_id}", "ID")
    content = operation.get("requestBody", {}).get("content", {})
    if any(p["name"] == "q" for p in operation["parameters"]):
        return f"curl '{address}?q=a+dog+in+the+snow&k=5'"
    required = [p["name"] for p in operation["parameters"] if p["required"] and p["in"] == "query"]
    query = "?" + "&".join(f"{name}=…" for name in required) if required else ""
    parts = [f"curl '{address}{query}'"] if method == "get" else [f"curl -X {method.upper()} '{address}{query}'"]
    if "application/json" in content:
        body = {"caption": "a dog"} if method == "patch" else {"terms": [{"text": "a dog"}]}
        parts.append(f"--json '{json.dumps(body)}'")
    elif content:
        parts.append("-F images=@dog.jpg")
    return " ".join(parts)
