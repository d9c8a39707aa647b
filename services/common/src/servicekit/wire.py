"""Strict validation of request bodies and query strings."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from servicekit.errors import Kind, ServiceError


class Wire(BaseModel):
    """Base of request bodies: unknown fields and wrong types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Params(BaseModel):
    """Base of query strings: unknown parameters are refused; numbers are parsed from their text."""

    model_config = ConfigDict(extra="forbid")


M = TypeVar("M", bound=BaseModel)


def parse(model: type[M], body: Any, within: str = "") -> M:
    """Validate a decoded JSON body or a query string.

    Args:
        model: what to validate against.
        body: the decoded document, or the parameters.
        within: the field that the document came in, as a prefix of names in the error message.

    Raises:
        ServiceError: naming every wrong field and the reason.
    """
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise invalid(error, within) from error


def invalid(error: ValidationError, within: str = "") -> ServiceError:
    """An error that names every wrong field with the reason, and the fields as data; `within` is a prefix of them."""
    found = [
        (
            ".".join(filter(None, (within, *map(str, e["loc"])))) or "body",
            "unknown" if e["type"] == "extra_forbidden" else e["msg"],
        )
        for e in error.errors()
    ]
    detail = "; ".join(f"{field}: {reason}" for field, reason in found)
    return ServiceError(Kind.INVALID, detail, fields=list(dict.fromkeys(field for field, _ in found)))
