"""Schemas shared by all routes: the base of an answer, errors, and flags in a URL."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from servicekit.errors import Unit


def read_flag(given: Any) -> Any:
    """Parse a flag in a URL: only true and false; pydantic would also accept yes, on, 1 and t."""
    return {"true": True, "false": False}.get(given, given if isinstance(given, bool) else None)


Flag = Annotated[bool, BeforeValidator(read_flag)]


class Answer(BaseModel):
    """Base of JSON answers, with exactly the fields of the model."""

    model_config = ConfigDict(extra="forbid")


class Problem(BaseModel):
    """The document of every error (problem+json, RFC 9457)."""

    type: str = Field(description="urn:sightline:error: and the kind")
    title: str
    detail: str = Field(description="what is wrong, with the field and the limit")
    status: int
    request_id: str
    part: str | None = Field(
        default=None, description="the part of the system that failed, where it is another one: encoder, search"
    )
    limit: int | None = Field(default=None, description="of a request that is too large: the limit, in `unit`")
    unit: Unit | None = None
    fields: list[str] | None = Field(default=None, description="of an invalid request: the fields that are wrong")


class ItemError(Answer):
    """The error of one file."""

    type: str
    title: str
    detail: str
    limit: int | None = Field(default=None, description="of an item that is too large: the limit, in `unit`")
    unit: Unit | None = None
