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
        raise ServiceError(Kind.INVALID, problems(error, within)) from error


def problems(error: ValidationError, within: str = "") -> str:
    """The validation errors in one line; `within` is a prefix of the field names."""
    return "; ".join(
        f"{'.'.join(filter(None, (within, *map(str, e['loc'])))) or 'body'}: "
        f"{'unknown' if e['type'] == 'extra_forbidden' else e['msg']}"
        for e in error.errors()
    )
