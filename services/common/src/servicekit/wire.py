"""Reading what a client sent, strictly."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from servicekit.errors import Kind, ServiceError


class Wire(BaseModel):
    """A request body: unknown fields and converted types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Params(BaseModel):
    """A query string: unknown parameters are refused; numbers are read from their text."""

    model_config = ConfigDict(extra="forbid")


M = TypeVar("M", bound=BaseModel)


def parse(model: type[M], body: Any, within: str = "") -> M:
    """Validate a decoded JSON body or a query string; `within` names the field that it is the value of.

    Raises:
        ServiceError: naming every field that is wrong and why.
    """
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise ServiceError(Kind.INVALID, problems(error, within)) from error


def problems(error: ValidationError, within: str = "") -> str:
    """What is wrong with each field, in a line; `within` names the field that all of it lies in."""
    return "; ".join(
        f"{'.'.join(filter(None, (within, *map(str, e['loc'])))) or 'body'}: "
        f"{'unknown' if e['type'] == 'extra_forbidden' else e['msg']}"
        for e in error.errors()
    )
