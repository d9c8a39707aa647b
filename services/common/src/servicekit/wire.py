"""Reading what a client sent, strictly."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from servicekit.errors import Kind, ServiceError


class Wire(BaseModel):
    """A request body: unknown fields and converted types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


W = TypeVar("W", bound=Wire)


def parse(model: type[W], body: Any) -> W:
    """Validate a decoded JSON body.

    Raises:
        ServiceError: naming every field that is wrong and why.
    """
    try:
        return model.model_validate(body)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, e['loc'])) or 'body'}: {e['msg']}" for e in error.errors()]
        raise ServiceError(Kind.INVALID, "; ".join(problems)) from error
