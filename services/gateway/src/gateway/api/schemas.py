"""Schemas shared by all rooms: the base of an answer, errors, and flags in a URL."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def read_flag(given: Any) -> Any:
    """A flag of a URL; pydantic would also take yes, on, 1 and t."""
    return {"true": True, "false": False}.get(given, given if isinstance(given, bool) else None)


Flag = Annotated[bool, BeforeValidator(read_flag)]


class Answer(BaseModel):
    """An answer's document: all fields are there."""

    model_config = ConfigDict(extra="forbid")


class Problem(BaseModel):
    """What every error looks like (RFC 9457)."""

    type: str = Field(description="urn:sightline:error: and the kind")
    title: str
    detail: str = Field(description="what is wrong, with the field and the limit")
    status: int
    request_id: str


class ItemError(Answer):
    """What is wrong with one file."""

    type: str
    title: str
    detail: str
